import type { EngineCa, EngineRevocation, EngineStore, OcspSigner } from '../../src/crypto-engine/ports.js';

interface Recorded {
  readonly caId: string;
  readonly ref: string;
  readonly serial: string;
  readonly certificate: Buffer;
  readonly issuedAt: Date;
}

/** An `EngineStore` in memory, also for two engines that play two processes. `know` adds a certificate that was recorded elsewhere. */
export function memoryEngineStore(): EngineStore & { know(caId: string, serial: string): void; readonly records: readonly Recorded[] } {
  const cas: EngineCa[] = [];
  const records: Recorded[] = [];
  const known = new Set<string>();
  const revoked = new Map<string, EngineRevocation[]>();
  const numbers = new Map<string, number>();
  const signers: OcspSigner[] = [];
  function moveCa(id: string, to: EngineCa['state'], from: EngineCa['state'] = 'next'): boolean {
    const at = cas.findIndex((ca) => ca.id === id && ca.state === from);
    const ca = cas[at];
    if (ca !== undefined) cas[at] = { ...ca, state: to };
    return ca !== undefined;
  }
  return {
    records,
    know: (caId, serial) => known.add(`${caId} ${serial}`),
    async addCa(ca) {
      await Promise.resolve();
      if (cas.some((item) => item.id === ca.id)) throw new Error('duplicate key value violates unique constraint');
      cas.push({ ...ca, state: 'active', activatesAt: null, createdAt: new Date() });
    },
    async addNextCa(ca, activatesAt) {
      await Promise.resolve();
      if (cas.some((item) => item.id === ca.id || item.state === 'next')) return false;
      cas.push({ ...ca, state: 'next', activatesAt, createdAt: new Date(Date.now() + cas.length) });
      return true;
    },
    async activateCa(id) {
      await Promise.resolve();
      if (!moveCa(id, 'active')) return false;
      for (const { id: other, parentId } of [...cas]) if (other !== id && other !== parentId) moveCa(other, 'retired', 'active');
      return true;
    },
    async retireCa(id) {
      await Promise.resolve();
      return moveCa(id, 'retired');
    },
    listCas: async () => [...cas],
    async record(caId, ref, certificate, serial) {
      const standing = records.find((item) => item.ref === ref);
      if (standing !== undefined) return standing.certificate;
      records.push({ caId, ref, serial, certificate, issuedAt: new Date() });
      return certificate;
    },
    findByRef: async (ref) => records.find((item) => item.ref === ref),
    async findBySerial(caId, serial) {
      const standing = records.find((item) => item.caId === caId && item.serial === serial);
      const revocation = revoked.get(caId)?.find((item) => item.serial === serial);
      return standing && { ref: standing.ref, certificate: standing.certificate, revokedAt: revocation?.revokedAt ?? null, reason: revocation?.reason ?? null };
    },
    async listByRef(prefix, from, to, after, limit) {
      const order = ({ issuedAt, serial }: Pick<Recorded, 'issuedAt' | 'serial'>) => `${String(issuedAt.getTime()).padStart(16, '0')} ${serial}`;
      const own = records.filter(({ ref, issuedAt }) => ref.startsWith(prefix) && issuedAt >= from && issuedAt < to);
      const later = own.filter((item) => after === undefined || order(item) > order(after)).sort((left, right) => (order(left) < order(right) ? -1 : 1));
      return later.slice(0, limit).map(({ ref, serial, certificate, issuedAt, caId }) => {
        const revocation = revoked.get(caId)?.find((item) => item.serial === serial);
        return { ref, serial, certificate, issuedAt, revokedAt: revocation?.revokedAt ?? null, reason: revocation?.reason ?? null };
      });
    },
    async revoke(caId, serial, reason, at) {
      const isKnown = known.has(`${caId} ${serial}`) || records.some((item) => item.caId === caId && item.serial === serial);
      if (!isKnown) return false;
      const list = revoked.get(caId) ?? [];
      const standing = list.find((item) => item.serial === serial);
      const others = list.filter((item) => item !== standing);
      if (standing === undefined) revoked.set(caId, [...list, { serial, reason, revokedAt: at }]);
      else if (standing.reason === 6) revoked.set(caId, [...others, { ...standing, reason }]);
      return true;
    },
    async release(caId, serial) {
      const list = revoked.get(caId) ?? [];
      const standing = list.find((item) => item.serial === serial);
      if (standing?.reason === 6)
        revoked.set(
          caId,
          list.filter((item) => item !== standing),
        );
      return standing === undefined || standing.reason === 6;
    },
    listOcspSigners: async (caId) => signers.filter((signer) => signer.caId === caId).sort((left, right) => right.notAfter.getTime() - left.notAfter.getTime()),
    addOcspSigner: async (signer) => void signers.push(signer),
    revocations: async (caId) => revoked.get(caId) ?? [],
    async nextCrlNumber(caId) {
      const number = (numbers.get(caId) ?? 0) + 1;
      numbers.set(caId, number);
      return number;
    },
  };
}
