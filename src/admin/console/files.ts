import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** One file of the built console, as it is sent. */
export interface ConsoleFile {
  readonly type: string;
  readonly bytes: Buffer;
  /** The same, compressed by gzip; undefined where that would not make it smaller. */
  readonly gzip: Buffer | undefined;
  readonly etag: string;
}

export interface ConsoleFiles {
  /** The page that every route of the console begins with, holding the placeholder of the nonce. */
  readonly page: string;
  /** @param name Path below the folder, such as `assets/main-abc.js`; undefined when the build made no such file. */
  find(name: string): ConsoleFile | undefined;
}

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** Where `npm ci` puts the console, seen from the source and from the built program alike. */
export function consoleFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return join(folder, 'dist', 'console');
}

/**
 * The files of a built console. Their names are listed once, so that no name of a request ever becomes a path; each is read and
 * compressed when it is first asked for. Undefined when nothing was built there.
 */
export function openConsole(folder: string): ConsoleFiles | undefined {
  const index = join(folder, 'index.html');
  if (!existsSync(index)) return undefined;
  const names = new Set(readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => extname(name) in types));
  const loaded = new Map<string, ConsoleFile>();
  return {
    page: readFileSync(index, 'utf8'),
    find(name) {
      const known = loaded.get(name);
      if (known !== undefined) return known;
      if (!names.has(name) || !existsSync(join(folder, name))) return undefined;
      const file = load(join(folder, name));
      loaded.set(name, file);
      return file;
    },
  };
}

function load(file: string): ConsoleFile {
  const bytes = readFileSync(file);
  const packed = gzipSync(bytes, { level: 9 });
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  return { type: types[extname(file)] ?? 'application/octet-stream', bytes, gzip: packed.length < bytes.length ? packed : undefined, etag };
}
