import type { Issuer } from '../enrolment/ports.js';
import { boundPairs, counter, histogram } from '../runtime/metrics.js';
import type { ConnectorType } from '../tenancy/connector.js';

/** `embedded`: the engine in our own database, which signs at once. */
type Kind = ConnectorType | 'embedded';
type Call = 'issue' | 'lookup';

const seconds = histogram<'connector' | 'call'>('gatehouse_ca_seconds', 'Time of one call of a CA');
const answers = counter<'connector' | 'call' | 'answer'>('gatehouse_ca_answers_total', 'Answers of CAs; error: the connector itself failed');

/** The same issuer, with the time and the answers of its calls counted. */
export function measured(issuer: Issuer, type: ConnectorType): Issuer {
  const { local } = issuer;
  const connector: Kind = local === undefined ? type : 'embedded';
  const answered = boundPairs((call: Call, answer: string) => answers({ connector, call, answer }));
  const issuing = seconds({ connector, call: 'issue' });
  const lookingUp = seconds({ connector, call: 'lookup' });
  const timed = async <Answer extends { readonly kind: string }>(call: Call, work: () => Promise<Answer>): Promise<Answer> => {
    const startedAt = performance.now();
    let kind = 'error';
    try {
      const answer = await work();
      kind = answer.kind;
      return answer;
    } finally {
      (call === 'issue' ? issuing : lookingUp).observe((performance.now() - startedAt) / 1000);
      answered(call, kind).add();
    }
  };
  return {
    ...issuer,
    issue: (...asked: Parameters<Issuer['issue']>) => timed('issue', () => issuer.issue(...asked)),
    lookup: (...asked: Parameters<Issuer['lookup']>) => timed('lookup', () => issuer.lookup(...asked)),
    ...(local !== undefined && {
      local: {
        ...local,
        sign(...asked: Parameters<typeof local.sign>): ReturnType<typeof local.sign> {
          const startedAt = performance.now();
          const observe = (): void => issuing.observe((performance.now() - startedAt) / 1000);
          const signed = local.sign(...asked);
          if (signed instanceof Promise) return signed.finally(observe);
          observe();
          return signed;
        },
      },
    }),
  };
}
