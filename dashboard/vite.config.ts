/* Vite configuration. All files but index.html are in `page/`, so the server needs two routes only.
   Addresses are relative, because a proxy may serve the page below a prefix. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

const folder = process.env["DESKWIRE_PAGE"] ?? "dist";

const BUNDLED = ["svelte", "uplot", "@fontsource-variable/figtree"];

/** Add the licence texts of the bundled packages to the build. */
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

/** Make uPlot use the language of the page. It formats with `navigator.language` when it is loaded, which
    throws where that is no valid tag: `C`, `en-US@posix`. */
const safeLanguage = (): Plugin => ({
  name: "safe-language",
  enforce: "pre",
  transform(code, id) {
    if (!/uplot\/dist\/uPlot\.esm\.js/i.test(id)) return undefined;
    const safe = code.replace("nav.language", "document.documentElement.lang");
    if (safe === code) throw new Error("uPlot does not use navigator.language any more: remove this");
    return { code: safe, map: null };
  },
});

/** Write a compressed copy next to each text file. The server sends it as it is. */
const compressed = (): Plugin => ({
  name: "compressed",
  apply: "build",
  closeBundle() {
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (!/\.(html|js|css|svg|webmanifest)$/.test(name)) continue;
      const path = join(folder, name);
      const content = readFileSync(path);
      const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
      writeFileSync(`${path}.gz`, gzipSync(content, { level: constants.Z_BEST_COMPRESSION }));
      writeFileSync(`${path}.br`, brotliCompressSync(content, { params }));
    }
  },
});

export default defineConfig({
  base: "./",
  plugins: [svelte(), safeLanguage(), licences(), compressed()],
  build: {
    outDir: folder,
    emptyOutDir: true,
    assetsDir: "page",
    assetsInlineLimit: 0, // the content security policy forbids data: addresses
    target: "es2022",
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
