/** What is remembered of a trail that was verified: where each boot's rows ended, and a digest over all of them until there. */
export type TrailMarks = Readonly<Record<string, { readonly seq: number; readonly digest: string }>>;

/**
 * `gap`: rows `from` to `to` of a boot are missing. `beyond`: rows above the boot's counter, or of no boot. `not-canonical`: details that
 * the store never wrote like this. `changed`: rows that were there at the mark are not what they were; `gone`: the boot itself is not there.
 */
export type TrailFault =
  | { readonly kind: 'gap'; readonly boot: string; readonly from: number; readonly to: number }
  | { readonly kind: 'beyond'; readonly boot: string; readonly seq: number }
  | { readonly kind: 'not-canonical'; readonly boot: string; readonly seq: number }
  | { readonly kind: 'changed'; readonly boot: string; readonly seq: number }
  | { readonly kind: 'gone'; readonly boot: string };

export interface TrailReport {
  readonly events: number;
  readonly boots: number;
  readonly faults: readonly TrailFault[];
  readonly marks: TrailMarks;
}

export interface AuditTrail {
  /** Reads every row. `marks`: of an earlier report, kept where who can change the database cannot. */
  verify(marks: TrailMarks, progress: (events: number) => void): Promise<TrailReport>;
}
