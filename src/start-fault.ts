/** Why the server did not start: what to tell the operator, and the exit code (sysexits.h where it has one). */
export interface StartFault {
  readonly message: string;
  readonly exitCode: number;
}
