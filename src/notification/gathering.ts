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

const mostItems = 50;
const mostTallies = 20;
/** Stands for every reason beyond the first so many. */
const otherTally = 'other';
const longestCell = 300;

/** Adds what happened. A storm costs no more room than a breeze: the rest of it is only counted. */
export function gather(standing: Gathering, fresh: readonly Item[]): Gathering {
  const kept = fresh.slice(0, Math.max(0, mostItems - standing.items.length)).map(({ cells }) => ({ cells: cells.map(cut) }));
  const tallies = new Map(Object.entries(standing.tallies));
  for (const { tally } of fresh) if (tally !== undefined) count(tallies, cut(tally));
  return { count: standing.count + fresh.length, items: [...standing.items, ...kept], tallies: Object.fromEntries(tallies) };
}

function count(tallies: Map<string, number>, name: string): void {
  const key = tallies.has(name) || tallies.size < mostTallies ? name : otherTally;
  tallies.set(key, (tallies.get(key) ?? 0) + 1);
}

function cut(text: string): string {
  return text.length > longestCell ? `${text.slice(0, longestCell)}...` : text;
}
