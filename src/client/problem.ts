import type { Schemas } from './schemas.js';

/** The API refused, or could not: what it said (RFC 9457). */
export class GatehouseProblem extends Error {
  override readonly name = 'GatehouseProblem';
  readonly status: number;
  readonly problem: Schemas['Problem'];

  constructor(problem: Schemas['Problem']) {
    super(problem.detail ?? problem.title);
    this.status = problem.status;
    this.problem = problem;
  }

  /** Last part of the type: `not-found`, `stale`, ... */
  get code(): string {
    return this.problem.type.split(':').at(-1) ?? '';
  }
}

/** The problem that an answer tells; one of our own making where something between us and the server answered. */
export async function problemOf(answer: Response): Promise<GatehouseProblem> {
  const body: unknown = await answer.json().catch(() => undefined);
  if (isProblem(body)) return new GatehouseProblem(body);
  const title = `The server, or something before it, answered ${answer.status}.`;
  return new GatehouseProblem({ type: 'about:blank', title, status: answer.status, instance: answer.url, requestId: '' });
}

function isProblem(body: unknown): body is Schemas['Problem'] {
  return typeof body === 'object' && body !== null && 'type' in body && 'title' in body && 'status' in body;
}
