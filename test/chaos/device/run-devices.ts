import { randomBytes } from 'node:crypto';
import { enrolCmp } from './cmp-device.js';
import type { Fleet } from './fleet.js';
import { enrolScep } from './scep-device.js';

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** One device after another on this slot until the fleet stops. */
export async function runDevices(fleet: Fleet, slot: number, scepShare: number): Promise<void> {
  for (let count = 0; !fleet.isStopping(); count += 1) {
    if (fleet.isAhead()) {
      await pause(fleet.random.between(50, 250));
      continue;
    }
    const commonName = `${fleet.prefix}-${slot}-${count}-${randomBytes(4).toString('hex')}`;
    await (fleet.random.chance(scepShare) ? enrolScep(fleet, commonName) : enrolCmp(fleet, commonName));
  }
}
