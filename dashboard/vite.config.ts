/* One page, flat: everything but index.html lies in `page/`, so that the server needs two routes.
   Addresses are relative: behind a proxy the page may live under a prefix. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

const folder = process.env["DESKWIRE_PAGE"] ?? "dist";

const BUNDLED = ["svelte", "uplot", "@fontsource-variable/figtree"];

/** What the licences of the bundled packages ask for: their words, beside what was made of them. */
const licences = (): Plugin => ({
  name: "licences",
  apply: "build",
  generateBundle() {
    const texts = BUNDLED.map((name) => {
      const home = join("node_modules", name);
      const file = readdirSync(home).find((each) => /^licen[cs]e/i.test(each));
      if (!file) throw new Error(`${name} has no licence`);
      return `${name}\n\n${readFileSync(join(home, file), "utf8").trim()}\n`;
    });
    this.emitFile({ type: "asset", fileName: "page/licences.txt", source: texts.join("\n\n") });
  },
});

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
  plugins: [svelte(), licences(), compressed()],
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
