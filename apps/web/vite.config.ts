import { readFile } from "node:fs/promises";
import { defineConfig, type Plugin } from "vite";

const server = process.env.PEREGRINE_URL ?? "http://127.0.0.1:3000";
const bootSource = new URL("./src/theme/boot.js", import.meta.url);

export default defineConfig({
  build: {
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: false,
  },
  server: {
    proxy: { "/api": { target: server, ws: true } },
  },
  plugins: [themeBoot()],
});

/**
 * Puts the script that applies the theme in front of everything, as a file with a hashed name: it
 * has to run before the first paint, which a module never does, and the content security policy
 * allows no script inside the page.
 */
function themeBoot(): Plugin {
  let reference: string | undefined;
  let isBuild = false;
  return {
    name: "peregrine:theme-boot",
    configResolved(config) {
      isBuild = config.command === "build";
    },
    async buildStart() {
      if (!isBuild) return;
      const source = (await readFile(bootSource, "utf8")).replace(/^\s*\/\/.*$\n/gm, "");
      reference = this.emitFile({ type: "asset", name: "theme-boot.js", source });
    },
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle }) {
        const file = reference === undefined ? undefined : findAsset(bundle ?? {}, "theme-boot.js");
        const src = file === undefined ? "/src/theme/boot.js" : `/${file}`;
        return { html, tags: [{ tag: "script", attrs: { src }, injectTo: "head-prepend" }] };
      },
    },
  };
}

function findAsset(bundle: Record<string, { type: string; names?: string[] }>, name: string) {
  return Object.entries(bundle).find(([, file]) => file.names?.includes(name))?.[0];
}
