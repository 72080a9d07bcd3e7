import { z } from 'zod';
import { nameFromText } from '../../pkix/index.js';
import type { VendorDevice } from '../../tenancy/vendor-device.js';
import { idSchema, lineSchema, timeSchema, timeTextSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';

export const vendorDeviceParams = z.strictObject({ id: idSchema.describe('Id of the profile'), deviceId: idSchema.describe('Id of the device') });

const name = lineSchema(500).min(1).refine(isName, 'Must be a name like CN=SN 4711,O=Vendor');

function isName(text: string): boolean {
  const name = nameFromText(text);
  return name.ok && name.value.rdns.length > 0;
}

/** As `serialHex` writes it: octets, without leading zeros. */
const serial = z
  .string()
  .trim()
  .max(200)
  .transform((text) => text.replace(/^0x/i, '').replace(/[:\s]/g, '').toLowerCase())
  .refine((text) => /^[0-9a-f]{1,128}$/.test(text), 'Must be a serial number in hexadecimal, like 0A:1B:2C')
  .transform((text) => evenDigits(text.replace(/^0+(?=.)/, '')));

function evenDigits(text: string): string {
  return text.length % 2 === 0 ? text : `0${text}`;
}

const deviceFields = z.strictObject({
  issuer: name.optional().describe("Issuer of the device's vendor certificate, as RFC 4514 text; with `serial`"),
  serial: serial.optional().describe('Serial number of that certificate, in hexadecimal'),
  subject: name.optional().describe('Or its subject: certificates of this name below any trust anchor of the profile'),
  label: lineSchema(200).min(1).optional().describe('What operators call the device'),
  uses: z.int().min(1).max(1_000_000).default(1).describe('How many orders it may place; each with a transaction of its own counts'),
  expiresAt: timeTextSchema.optional().describe('Until when; without, for good'),
});

/** One device: a whole issuer cannot be named. */
export const newVendorDeviceSchema = deviceFields
  .refine((device) => (device.issuer !== undefined && device.serial !== undefined) !== (device.subject !== undefined), {
    message: 'Name the device by issuer and serial, or by subject',
    path: ['subject'],
  })
  .refine((device) => (device.issuer === undefined) === (device.serial === undefined), { message: 'issuer and serial belong together', path: ['serial'] })
  .meta({ id: 'NewVendorDevice', description: 'A device of a vendor that may ask for its first certificate' });

export const importVendorDevicesSchema = z
  .strictObject({
    csv: z
      .string()
      .min(1)
      .max(1_000_000)
      .describe('Lines of comma-separated values (RFC 4180), a heading first: issuer, serial, subject, label, uses, expiresAt, in any order; at most 10,000'),
  })
  .meta({ id: 'ImportVendorDevices', description: 'Many devices at once: all of them, or none when a line is wrong' });

export const importedVendorDevicesSchema = z.object({ devices: z.int().describe('Lines taken over') }).meta({ id: 'ImportedVendorDevices' });

export const vendorDeviceSchema = z
  .object({
    id: z.string(),
    issuer: z.string().nullable(),
    serial: z.string().nullable(),
    subject: z.string().nullable(),
    label: z.string().nullable(),
    uses: z.int(),
    used: z.int(),
    expiresAt: timeSchema.nullable(),
    createdAt: timeSchema,
  })
  .meta({ id: 'VendorDevice', description: 'A device on the list of a profile' });

export const vendorDevicePage = pageSchema(vendorDeviceSchema).meta({ id: 'VendorDevicePage' });
export const vendorDeviceListQuery = listQuerySchema(['createdAt'], {});

export function vendorDeviceView(device: VendorDevice): z.output<typeof vendorDeviceSchema> {
  const { id, issuer, serial, subject, label, maxUses, used, expiresAt, createdAt } = device;
  return { id, issuer, serial, subject, label, uses: maxUses, used, expiresAt: expiresAt?.toISOString() ?? null, createdAt: createdAt.toISOString() };
}
