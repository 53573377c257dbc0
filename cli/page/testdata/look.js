(() => {
  const wrong = [];
  const say = (el, what) => wrong.push(`${el.tagName} ${JSON.stringify((el.textContent || "").trim().slice(0, 40))}: ${what}`);
  const numbers = c => (c.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const behind = el => {
    for (let e = el; e; e = e.parentElement) {
      const rect = e.classList.contains("node") ? e.querySelector("rect") : null;
      const c = numbers(rect ? getComputedStyle(rect).fill : getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  // text
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let n = 0;
  while (texts.nextNode()) {
    const el = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !el.checkVisibility() || el.closest("style")) continue;
    const style = getComputedStyle(el);
    const c = contrast(numbers(el instanceof SVGElement ? style.fill : style.color), behind(el));
    if (c < 4.5) say(el, `a contrast of ${c.toFixed(2)}`);
    n++;
  }
  if (n < 50) wrong.push(`only ${n} texts`);
  // pictures: bars against what they lie on, edges and nodes against the page
  for (const el of document.querySelectorAll(".bar rect:not(.track), .edge, .node rect:not(.mark), .node .mark")) {
    const style = getComputedStyle(el);
    if (style.fill === "none" && style.stroke === "none") continue;
    const line = el.matches(".edge, .node rect:not(.mark)");
    const c = contrast(numbers(line ? style.stroke : style.fill), behind(el.closest("svg").parentElement));
    if (c < 3) say(el, `a picture with a contrast of ${c.toFixed(2)}`);
    if (el.matches(".bar rect")) {
      const d = contrast(numbers(style.fill), numbers(getComputedStyle(el.parentElement.querySelector(".track")).fill));
      if (d < 2) say(el, `a bar with a contrast of ${d.toFixed(2)} to its track`);
    }
  }
  // width
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) wrong.push(`it is ${wide} wide in ${innerWidth}`);
  if (!matchMedia("print").matches) {
    for (const el of document.body.querySelectorAll("*")) {
      const box = el.getBoundingClientRect();
      if (box.width && box.right > innerWidth + 1 && !el.closest(".scroll") && !el.closest("pre")) say(el, `it ends at ${box.right} of ${innerWidth}`);
    }
  }
  // what scrolls can be reached, and has a name
  for (const el of document.querySelectorAll(".scroll, pre[role]")) {
    if (el.tabIndex !== 0 || !el.getAttribute("aria-label")) say(el, "a keyboard does not reach it, or it has no name");
  }
  for (const el of document.querySelectorAll("a")) {
    el.focus();
    if (document.activeElement !== el && el.checkVisibility()) say(el, "it takes no focus");
    const to = document.getElementById((el.getAttribute("href") || "").slice(1));
    if (!to) say(el, "it leads nowhere");
  }
  for (const el of document.querySelectorAll("th")) if (!el.scope) say(el, "it heads nothing");
  for (const el of document.querySelectorAll("section")) if (!document.getElementById(el.getAttribute("aria-labelledby"))) say(el, "it has no name");
  if (document.querySelectorAll("h1").length !== 1 || document.documentElement.lang !== "en" || !document.title) wrong.push("it has no title, heading or language");
  if (document.scripts.length || document.images.length || document.styleSheets.length !== 1) wrong.push("there is a script, an image or another style");
  if (matchMedia("print").matches) {
    for (const el of document.querySelectorAll("details > ul")) if (!el.checkVisibility({contentVisibilityAuto: true}) || !el.getBoundingClientRect().height) say(el, "it is not printed");
  }
  return wrong;
})()
