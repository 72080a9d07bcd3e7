/** What runs of the campaign have shown so far, one line of JSON each: together they add up to what the plans set out to do. */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { type CampaignResult, isClean, type Plan, sumOf } from './campaign.js';
import { totalOf } from './checker.js';
import type { PlantedBug } from './planted.js';

export interface Counts {
  readonly kills: number;
  readonly databaseStops: number;
  readonly freezes: number;
  /** At named places. */
  readonly deaths: number;
  readonly finished: number;
}

interface Common {
  /** SHA-256 of the program that was tried: runs of another one prove nothing about this. */
  readonly program: string;
  readonly seed: number;
  readonly seconds: number;
}
export interface CampaignRecord extends Common, Counts {
  readonly plan: string;
  readonly isClean: boolean;
  readonly findings: number;
}
export interface HuntRecord extends Common {
  readonly planted: PlantedBug;
  readonly isFound: boolean;
}
export type ChaosRecord = CampaignRecord | HuntRecord;

/** The tree is compiled into a directory of its own each time, whose name stands in what is packed of it. */
const directoryName = /gatehouse-measured-\d+/g;

/** Of the packed program, or of the script that is run where nothing is packed. */
export function programOf(packed: string, script: string): string {
  const text = readFileSync(existsSync(packed) ? packed : script, 'utf8').replace(directoryName, '');
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

export function recordOf(result: CampaignResult, common: Omit<Common, 'seconds'>): CampaignRecord {
  const { plan, kills, databaseStops, freezes, finished, findings } = result;
  const counts = { kills, databaseStops, freezes, deaths: sumOf(result.died), finished };
  return { ...common, plan: plan.name, ...counts, isClean: isClean(result), findings: totalOf(findings), seconds: Math.round(result.seconds) };
}

export function keep(file: string, record: ChaosRecord): void {
  appendFileSync(file, `${JSON.stringify(record)}\n`);
}

/** Those of this program; none where the file is not there yet. */
export function readRecords(file: string, program: string): readonly ChaosRecord[] {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  return lines.map((line) => JSON.parse(line) as ChaosRecord).filter((record) => record.program === program);
}

/** What stands so far of a plan, every run of it counted. */
export function totalsOf(plan: Pick<Plan, 'name'>, records: readonly ChaosRecord[]): Counts {
  const runs = records.filter((record): record is CampaignRecord => 'plan' in record && record.plan === plan.name);
  const sum = (count: keyof Counts) => runs.reduce((total, run) => total + run[count], 0);
  return { kills: sum('kills'), databaseStops: sum('databaseStops'), freezes: sum('freezes'), deaths: sum('deaths'), finished: sum('finished') };
}

/** What is missing, in words; empty: the whole campaign has been passed. One run with a finding cannot be made good by others. */
export function missingIn(plans: readonly Plan[], bugs: readonly PlantedBug[], records: readonly ChaosRecord[]): readonly string[] {
  const unclean = records.flatMap((run) => ('plan' in run && !run.isClean ? [`${run.plan}, seed ${run.seed}: ${run.findings} findings or a crash`] : []));
  const short = plans.flatMap((plan) => {
    const had = totalsOf(plan, records);
    const wanted: readonly (readonly [string, number, number])[] = [
      ['kills', had.kills, plan.kills],
      ['enrolments', had.finished, plan.orders],
      ['database stops', had.databaseStops, plan.databaseStops],
      ['freezes', had.freezes, plan.freezes ?? 0],
      ['deaths at named places', had.deaths, plan.deaths ?? 0],
    ];
    return wanted.flatMap(([what, reached, least]) => (reached < least ? [`${plan.name}: ${reached} of ${least} ${what}`] : []));
  });
  const isFound = (bug: PlantedBug) => records.some((record) => 'planted' in record && record.planted === bug && record.isFound);
  return [...unclean, ...short, ...bugs.filter((bug) => !isFound(bug)).map((bug) => `the planted bug ${bug}`)];
}
