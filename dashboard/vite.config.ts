/* One page, flat: everything but index.html lies in `page/`, so that the server needs two routes.
   Addresses are relative: behind a proxy the page may live under a prefix. */

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  plugins: [svelte()],
  build: {
    outDir: process.env["DESKWIRE_PAGE"] ?? "dist",
    emptyOutDir: true,
    assetsDir: "page",
    assetsInlineLimit: 0, // the policy allows no data: address
    target: "es2022",
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
