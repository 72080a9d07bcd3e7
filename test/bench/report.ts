/** The table at the end, and the same as JSON. */
import { writeFileSync } from 'node:fs';

export interface Row {
  readonly path: string;
  /** Per second; null where there is no floor or peer to compare with. */
  readonly floor: number | null;
  readonly ours: number;
  readonly unit: string;
  readonly ratio: number | null;
  /** The ratio of the best either side reached at any time of the run: what a machine without neighbours gives. Absent: not measured. */
  readonly quietRatio?: number;
  /** What the first release asks for and what is hoped for, in the ratio's (or the figure's) terms. */
  readonly target: number | null;
  readonly goal: number | null;
  /** `most`: the figure must stay below the target. */
  readonly direction: 'least' | 'most';
  /** Wrong or refused answers; anything but 0 fails the run. */
  readonly faults: number;
  readonly windows: readonly Readonly<Record<string, number | string>>[];
}

export const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function verdict(row: Row): string {
  if (row.faults > 0) return `${row.faults} FAULTS`;
  if (row.target === null) return '-';
  const figure = row.ratio ?? row.ours;
  const reaches = (limit: number) => (row.direction === 'least' ? figure >= limit : figure <= limit);
  if (row.goal !== null && reaches(row.goal)) return 'goal reached';
  return reaches(row.target) ? 'target reached' : 'below target';
}

const number = (value: number | null): string => {
  if (value === null) return '-';
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2);
};

/** Path, floor, ours, ratio, the ratio when it was quiet, target, verdict (which judges `ratio`); columns padded. */
export function table(rows: readonly Row[]): string {
  const heading = ['path', 'floor', 'ours', 'unit', 'ratio', 'quiet', 'target', 'goal', 'verdict'];
  const cells = rows.map((row) => [
    row.path,
    number(row.floor),
    number(row.ours),
    row.unit,
    number(row.ratio),
    number(row.quietRatio ?? null),
    number(row.target),
    number(row.goal),
    verdict(row),
  ]);
  const widths = heading.map((title, column) => Math.max(title.length, ...cells.map((line) => line[column]?.length ?? 0)));
  const pad = (line: readonly string[]) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(' | ')
      .trimEnd();
  return [pad(heading), widths.map((width) => '-'.repeat(width)).join('-|-'), ...cells.map(pad)].join('\n');
}

export function writeJson(file: string, machine: Readonly<Record<string, string>>, rows: readonly Row[]): void {
  const withVerdicts = rows.map((row) => ({ ...row, verdict: verdict(row) }));
  writeFileSync(file, `${JSON.stringify({ takenAt: new Date().toISOString(), machine, rows: withVerdicts }, null, 2)}\n`);
}
