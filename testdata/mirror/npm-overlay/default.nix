# Package managers of the npm registry, by the names of the overlay that plans name for them.
final: prev: {
  npm-8_x = prev.mkNpm "8.19.4" "sha512-3HANl8i9DKnUA89P4KEgVNN28EjSeDCmvEqbzOAuxCFDzdBZzjUl99zgnGpOUumvW5lvJo2HKcjrsc+tfyv1Hw==";
  npm-9_x = prev.mkNpm "9.9.4" "sha512-NzcQiLpqDuLhavdyJ2J3tGJ/ni/ebcqHVFZkv1C4/6lblraUPbPgCJ4Vhb4oa3FFhRa2Yj9gA58jGH/ztKueNQ==";
  yarn-1_x = prev.npmProgram {
    name = "yarn";
    version = "1.22.22";
    hash = "sha512-prL3kGtyG7o9Z9Sv8IPfBNrWTDmXB4Qbes8A9rEzt6wkJV8mUvoirjU0Mp3GGAU06Y0XQyA3/2/RQFVuK7MTfg==";
    bins = { yarn = "bin/yarn.js"; yarnpkg = "bin/yarn.js"; };
  };
  pnpm-8_x = prev.npmProgram {
    name = "pnpm";
    version = "8.15.9";
    hash = "sha512-SZQ0ydj90aJ5Tr9FUrOyXApjOrzuW7Fee13pDzL0e1E6ypjNXP0AHDHw20VLw4BO3M1XhQHkyik6aBYWa72fgQ==";
    bins = { pnpm = "bin/pnpm.cjs"; pnpx = "bin/pnpx.cjs"; };
  };
  pnpm-9_x = prev.npmProgram {
    name = "pnpm";
    version = "9.15.9";
    hash = "sha512-aARhQYk8ZvrQHAeSMRKOmvuJ74fiaR1p5NQO7iKJiClf1GghgbrlW1hBjDolO95lpQXsfF+UA+zlzDzTfc8lMQ==";
    bins = { pnpm = "bin/pnpm.cjs"; pnpx = "bin/pnpx.cjs"; };
  };
}
