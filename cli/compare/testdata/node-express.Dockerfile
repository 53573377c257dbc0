FROM base AS node
RUN apt-get update && apt-get install -y --no-install-recommends nodejs ca-certificates && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/*
WORKDIR /app

FROM node AS deps
RUN --mount=type=cache,id=hand-corepack,target=/root/.cache/node cd / && corepack npm@10.9.9 install --global --prefix /usr/local npm@10.9.9
COPY package.json package-lock.json ./
RUN --mount=type=cache,id=hand-npm,target=/root/.npm npm ci --omit=dev --prefer-offline

FROM node
ENV NODE_ENV=production
COPY --from=deps /app/node_modules node_modules
COPY . .
CMD ["node", "server.js"]
