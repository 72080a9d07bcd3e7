import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type CheckpointKey, readKey } from '../audit/checkpoint.js';
import { fail, ok, type Result } from '../runtime/result.js';

/** Lines end with a line feed and nothing else; a last one without it counts too. */
export function exportFileLines(file: string): Result<AsyncIterable<string>, string> {
  return existsSync(file) ? ok(linesIn(createReadStream(file, { encoding: 'utf8' }))) : fail(`${file} is not there.`);
}

async function* linesIn(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    yield* parts;
  }
  if (rest !== '') yield rest;
}

export function readKeyFile(file: string): Result<CheckpointKey, string> {
  const text = readText(file);
  return text.ok ? readKey(text.value) : text;
}

/** The notes at `path`: one file, or every `.checkpoint` in a folder. */
export function readKept(path: string | undefined): Result<readonly string[], string> {
  if (path === undefined) return ok([]);
  if (!existsSync(path)) return fail(`${path} is not there.`);
  if (!statSync(path).isDirectory()) return asList(readText(path));
  const names = readdirSync(path).filter((name) => name.endsWith('.checkpoint') && !name.startsWith('.'));
  if (names.length === 0) return fail(`${path} holds no checkpoint.`);
  return ok(names.map((name) => readFileSync(join(path, name), 'utf8')));
}

function asList(text: Result<string, string>): Result<readonly string[], string> {
  return text.ok ? ok([text.value]) : text;
}

function readText(file: string): Result<string, string> {
  try {
    return ok(readFileSync(file, 'utf8'));
  } catch (error) {
    return fail(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  }
}
