import type { ApiCall } from './call.js';
import { isLetIn } from './callers.js';
import type { ApiDocument, Schema } from './document.js';
import { violation } from './validate.js';

export interface ApiAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** What is wrong with an answer, by the document and the table of permissions; undefined when nothing is. `others`: tenants the caller may not see. */
export function faultOf(call: ApiCall, answer: ApiAnswer, document: ApiDocument, others: readonly string[]): string | undefined {
  if (answer.status >= 500) return `answered ${answer.status}: ${answer.text.slice(0, 300)}`;
  return accessFault(call, answer) ?? leakFault(call, answer, others) ?? shapeFault(call, answer, document);
}

function accessFault({ caller, operation, isWellFormed }: ApiCall, { status }: ApiAnswer): string | undefined {
  if (isLetIn(caller, operation.access)) return undefined;
  if (status < 400) return `${caller.name} was let in without ${operation.access}`;
  const wanted = caller.role === undefined ? 401 : 403;
  return !isWellFormed || status === wanted ? undefined : `${caller.name} got ${status} instead of ${wanted}`;
}

/** Ids of other tenants that the caller did not bring along. */
function leakFault({ caller, url, body }: ApiCall, { status, text }: ApiAnswer, others: readonly string[]): string | undefined {
  if (caller.tenantId === null || status >= 400) return undefined;
  const sent = `${url} ${body?.toString('utf8') ?? ''}`.toLowerCase();
  const seen = others.find((id) => text.includes(id) && !sent.includes(id));
  return seen === undefined ? undefined : `${caller.name} was shown the tenant ${seen}`;
}

/** 431 is answered by Node's parser, before there is a route. */
function shapeFault({ operation }: ApiCall, { status, contentType, text }: ApiAnswer, document: ApiDocument): string | undefined {
  if (status === 431) return undefined;
  const declared = operation.responses[String(status)] ?? operation.responses[`${String(status)[0]}XX`];
  if (declared === undefined) return `the status ${status} is not declared`;
  const type = contentType.split(';')[0]?.trim() ?? '';
  if (declared.content === undefined) return text === '' ? undefined : `${status} has a body that is not declared`;
  const media = declared.content[type];
  if (media === undefined) return text === '' && allowsNull(declared.content) ? undefined : `the type "${type}" is not declared for ${status}`;
  if (!/^application\/(problem\+)?json$/.test(type) || media.schema === undefined) return undefined;
  const fault = violation(parsed(text), media.schema, document);
  return fault === undefined ? undefined : `the answer is not as declared: ${fault}`;
}

function allowsNull(content: Readonly<Record<string, { readonly schema?: Schema }>>): boolean {
  return Object.values(content).some(({ schema }) => [schema?.type].flat().includes('null'));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
