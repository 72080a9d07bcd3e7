// Reads the TAP that `tap run` prints: one line per test file as it ends, the full diagnosis of what failed, the reasons of what was skipped.
import { createInterface } from 'node:readline';

const point = /^( *)(not )?ok \d+(?: - (.*?))?(?: # time=([\d.]+)ms)?(?: \{)?$/;
const subtest = /^( *)# Subtest: (.*)$/;
const skipped = / # SKIP ?(.*)$/i;
const totals = /^# \{ total: .*\}$/;

function number(line, key) {
  return Number(new RegExp(`\\b${key}: (\\d+)`).exec(line)?.[1] ?? 0);
}

/** Follows the stream until it ends; `say` prints. Returns { passed, failed, skips: Map(reason -> count), isComplete }. */
export async function readTap(stream, say) {
  const result = { passed: 0, failed: 0, skips: new Map(), isComplete: false };
  const names = [];
  const failedBelow = [];
  let diagnosis = null;
  let isShown = false;

  for await (const line of createInterface({ input: stream })) {
    if (diagnosis !== null) {
      if (isShown) say(line);
      if (line === `${diagnosis}...`) diagnosis = null;
      continue;
    }
    const opens = /^( +)---$/.exec(line);
    if (opens !== null) {
      diagnosis = opens[1];
      if (isShown) say(line);
      continue;
    }
    const begins = subtest.exec(line);
    if (begins !== null) {
      names[begins[1].length / 4] = begins[2];
      continue;
    }
    if (totals.test(line)) {
      result.passed = number(line, 'pass');
      result.failed = number(line, 'fail');
      result.isComplete = true;
      continue;
    }
    const skip = skipped.exec(line);
    if (skip !== null) {
      result.skips.set(skip[1], (result.skips.get(skip[1]) ?? 0) + 1);
      continue;
    }
    const found = point.exec(line);
    if (found === null) continue;
    const [, indent, not, name = '', ms] = found;
    const depth = indent.length / 4;
    const isCause = not !== undefined && (failedBelow[depth + 1] ?? 0) === 0;
    failedBelow[depth + 1] = 0;
    if (not !== undefined) failedBelow[depth] = (failedBelow[depth] ?? 0) + 1;
    isShown = isCause;
    if (isCause) say(`not ok: ${[...names.slice(0, depth), name].join(' > ')}`);
    if (depth === 0) say(`${not === undefined ? 'ok    ' : 'FAILED'} ${name}${ms === undefined ? '' : ` (${(Number(ms) / 1000).toFixed(1)} s)`}`);
  }
  return result;
}
