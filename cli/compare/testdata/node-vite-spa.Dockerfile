FROM base AS node
RUN apt-get update && apt-get install -y --no-install-recommends nodejs ca-certificates
RUN --mount=type=cache,id=hand-corepack,target=/root/.cache/node cd / && corepack npm@10.9.9 install --global --prefix /usr/local npm@10.9.9
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,id=hand-npm,target=/root/.npm npm ci --prefer-offline
COPY . .
RUN npm run build

FROM base
RUN apt-get update && apt-get install -y --no-install-recommends caddy && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/*
COPY --from=node /app/dist /srv
CMD ["sh", "-c", "exec caddy file-server --root /srv --listen :${PORT:-3000}"]
