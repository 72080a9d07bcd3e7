/** Exit codes of sysexits.h that scripts can rely on. */
export const exitCodes = { failed: 1, usage: 64, tryAgain: 75 } as const;

/** One line for the person at the terminal. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What went wrong, on standard error, and the exit code the process will end with. */
export function complain(message: string, exitCode: number = exitCodes.failed): void {
  process.stderr.write(`gatehouse: ${message}\n`);
  process.exitCode = exitCode;
}
