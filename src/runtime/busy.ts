/** More work is waiting than this process takes on; whoever asked may come again later, as when the database is away (SQLSTATE class 53). */
export class Busy extends Error {
  override readonly name = 'Busy';
  readonly code = '53000';
}
