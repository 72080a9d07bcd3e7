// Reads the TAP that `tap run` prints: one line per test file as it ends, the full diagnosis of what failed, the reasons of what was skipped.
import { createInterface } from 'node:readline';

const patterns = {
  point: /^( *)(not )?ok \d+(?: - (.*?))?(?: # time=([\d.]+)ms)?(?: \{)?$/,
  subtest: /^( *)# Subtest: (.*)$/,
  diagnosis: /^( +)---$/,
  skip: / # SKIP ?(.*)$/i,
  table: /^ *# (\|.*\|)$/,
  totals: /^# \{ total: .*\}$/,
};

/**
 * Follows the stream to its end; `say` prints. Resolves to { passed, failed, failedFiles, skips: Map(reason -> count),
 * isComplete }; the counts are of assertions, a file that crashed counting as one more failure.
 */
export async function readTap(stream, say) {
  const result = { passed: 0, failed: 0, failedFiles: [], skips: new Map(), isComplete: false };
  const readers = [diagnosisReader, subtestReader, totalsReader, tableReader, skipReader, pointReader];
  const state = { say, result, names: [], failedBelow: [], isShown: false, until: null };
  for await (const line of createInterface({ input: stream })) {
    readers.some((read) => read(line, state));
  }
  return result;
}

/** The YAML under a failed point; shown only where the point is the cause and not merely a parent of it. */
function diagnosisReader(line, state) {
  const opens = state.until === null ? patterns.diagnosis.exec(line) : null;
  if (opens !== null) state.until = `${opens[1]}...`;
  else if (state.until === null) return false;
  if (state.isShown) state.say(line);
  if (line === state.until) state.until = null;
  return true;
}

function subtestReader(line, state) {
  const begins = patterns.subtest.exec(line);
  if (begins === null) return false;
  state.names[begins[1].length / 4] = begins[2];
  return true;
}

function totalsReader(line, { result }) {
  if (!patterns.totals.test(line)) return false;
  const count = (key) => Number(new RegExp(`\\b${key}: (\\d+)`).exec(line)?.[1] ?? 0);
  result.passed = count('pass');
  result.failed = count('fail');
  result.isComplete = true;
  return true;
}

/** A line of a table, which a test tells in its comments. */
function tableReader(line, { say }) {
  const row = patterns.table.exec(line);
  if (row === null) return false;
  say(row[1]);
  return true;
}

function skipReader(line, { result }) {
  const skip = patterns.skip.exec(line);
  if (skip === null) return false;
  result.skips.set(skip[1], (result.skips.get(skip[1]) ?? 0) + 1);
  return true;
}

function pointReader(line, state) {
  const point = patterns.point.exec(line);
  if (point === null) return false;
  const [, indent, not, name = '', ms] = point;
  const depth = indent.length / 4;
  const isFailed = not !== undefined;
  state.isShown = isFailed && (state.failedBelow[depth + 1] ?? 0) === 0;
  state.failedBelow[depth + 1] = 0;
  if (isFailed) state.failedBelow[depth] = (state.failedBelow[depth] ?? 0) + 1;
  if (state.isShown) state.say(`not ok: ${[...state.names.slice(0, depth), name].join(' > ')}`);
  if (depth === 0 && isFailed) state.result.failedFiles.push(name);
  if (depth === 0) state.say(`${isFailed ? 'FAILED' : 'ok    '} ${name}${ms === undefined ? '' : ` (${(Number(ms) / 1000).toFixed(1)} s)`}`);
  return true;
}
