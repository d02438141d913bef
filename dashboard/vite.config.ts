/* One page, flat: everything but index.html lies in `page/`, so that the server needs two routes.
   Addresses are relative: behind a proxy the page may live under a prefix. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

const folder = process.env["DESKWIRE_PAGE"] ?? "dist";

/** Lay a compressed copy beside each file that gets smaller by it: the server keeps them as they are. */
const compressed = (): Plugin => ({
  name: "compressed",
  apply: "build",
  closeBundle() {
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (!/\.(html|js|css|svg|webmanifest)$/.test(name)) continue;
      const path = join(folder, name);
      const whole = readFileSync(path);
      const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
      writeFileSync(`${path}.gz`, gzipSync(whole, { level: constants.Z_BEST_COMPRESSION }));
      writeFileSync(`${path}.br`, brotliCompressSync(whole, { params }));
    }
  },
});

export default defineConfig({
  base: "./",
  plugins: [svelte(), compressed()],
  build: {
    outDir: folder,
    emptyOutDir: true,
    assetsDir: "page",
    assetsInlineLimit: 0, // the policy allows no data: address
    target: "es2022",
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
