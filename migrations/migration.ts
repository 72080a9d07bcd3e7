/**
 * One step of the schema: SQL statements that run in order in one transaction. A step imports nothing from `src` and is never
 * changed once merged; the program before and after it must both run on its result (expand, deploy, backfill, contract).
 */
export interface Migration {
  readonly name: string;
  readonly statements: readonly string[];
}
