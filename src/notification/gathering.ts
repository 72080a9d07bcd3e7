/** One thing that happened, as it will stand in a mail. Everything in it is as it came: made safe where it is shown. */
export interface Item {
  /** One cell per column of the kind. */
  readonly cells: readonly string[];
  /** What it is counted by, such as the reason of a failure. */
  readonly tally?: string;
}

/** What a rule is to be told of one kind of event, in one mail. */
export interface Gathering {
  /** How many there were; only the first are kept as items. */
  readonly count: number;
  readonly items: readonly Item[];
  readonly tallies: Readonly<Record<string, number>>;
}

export const emptyGathering: Gathering = { count: 0, items: [], tallies: {} };

/** How many stand in a mail; a query for more reads in vain. */
export const mostItems = 50;
const mostTallies = 20;
/** Stands for every reason beyond the first so many. */
const otherTally = 'other';
const longestCell = 300;

/** Adds what happened. A storm costs no more room than a breeze: the rest of it is only counted. */
export function gather(standing: Gathering, fresh: Gathering): Gathering {
  const kept = fresh.items.slice(0, Math.max(0, mostItems - standing.items.length)).map(({ cells }) => ({ cells: cells.map(cut) }));
  const tallies = new Map(Object.entries(standing.tallies));
  for (const [name, count] of Object.entries(fresh.tallies)) addTally(tallies, cut(name), count);
  return { count: standing.count + fresh.count, items: [...standing.items, ...kept], tallies: Object.fromEntries(tallies) };
}

/** Each of them counted once, by its tally where it has one. */
export function gatheringOf(items: readonly Item[]): Gathering {
  const tallies = new Map<string, number>();
  for (const { tally } of items) if (tally !== undefined) tallies.set(tally, (tallies.get(tally) ?? 0) + 1);
  return { count: items.length, items, tallies: Object.fromEntries(tallies) };
}

function addTally(tallies: Map<string, number>, name: string, count: number): void {
  const key = tallies.has(name) || tallies.size < mostTallies ? name : otherTally;
  tallies.set(key, (tallies.get(key) ?? 0) + count);
}

function cut(text: string): string {
  return text.length > longestCell ? `${text.slice(0, longestCell)}...` : text;
}
