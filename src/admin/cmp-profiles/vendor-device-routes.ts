import { nameFromText, nameToText } from '../../pkix/index.js';
import { uuidv7 } from '../../runtime/ids.js';
import { type DeviceName, matchKeyOf, type NewVendorDevice, type VendorDeviceStore } from '../../tenancy/vendor-device.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf } from '../caller.js';
import { refuseFaults } from '../fault.js';
import { idParams } from '../field.js';
import { listRoute } from '../list-route.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { notFound } from '../problem.js';
import { enterProfile } from '../profiles/find.js';
import { removePartRoute } from '../resource.js';
import { readDeviceCsv } from './device-csv.js';
import {
  importedVendorDevicesSchema,
  importVendorDevicesSchema,
  newVendorDeviceSchema,
  vendorDeviceListQuery,
  vendorDevicePage,
  vendorDeviceParams,
  vendorDeviceSchema,
  vendorDeviceView,
} from './vendor-device-schema.js';

const tags = ['cmp-profiles'];

/** The vendors' devices that may ask a CMP profile for their first certificate by signature. */
export function vendorDeviceRoutes(app: AdminApp, deps: AdminParts, devices: VendorDeviceStore): void {
  const enter = (caller: Caller, id: string) => enterProfile(deps, caller, 'cmp', id);

  listRoute(app, {
    path: '/cmp-profiles/:id/vendor-devices',
    tags,
    operationId: 'listVendorDevices',
    summary: "List the vendors' devices that may enrol",
    access: 'profile:read',
    params: idParams,
    query: vendorDeviceListQuery,
    page: vendorDevicePage,
    async list({ caller, query, id }) {
      const { profile, context } = await enter(caller, id);
      return devices.list(context, profile.id, query);
    },
    view: (items) => items.map(vendorDeviceView),
  });

  app.post(
    '/cmp-profiles/:id/vendor-devices',
    {
      config: { access: 'profile:write' },
      schema: {
        tags,
        operationId: 'addVendorDevice',
        summary: "Let a vendor's device enrol; one that is on the list gets the new count and expiry",
        params: idParams,
        body: newVendorDeviceSchema,
        response: answers({ 201: vendorDeviceSchema }),
      },
    },
    async (request, reply) => {
      const { profile, context } = await enter(callerOf(request), request.params.id);
      const device = toDevice(request.body, deps.clock.now());
      await devices.add(context, profile.id, [device]);
      const added = await devices.find(context, profile.id, [device.matchKey]);
      if (added === undefined) throw notFound();
      return reply.code(201).send(vendorDeviceView(added));
    },
  );

  app.post(
    '/cmp-profiles/:id/vendor-devices/import',
    {
      config: { access: 'profile:write' },
      schema: {
        tags,
        operationId: 'importVendorDevices',
        summary: "Let many vendors' devices enrol, from CSV",
        params: idParams,
        body: importVendorDevicesSchema,
        response: answers({ 200: importedVendorDevicesSchema }),
      },
    },
    async (request) => {
      const { profile, context } = await enter(callerOf(request), request.params.id);
      const read = readDeviceCsv(request.body.csv);
      if (!read.ok) return refuseFaults(read.error);
      const found = new Map(read.value.map((fields) => toDevice(fields, deps.clock.now())).map((device) => [device.matchKey.toString('hex'), device]));
      if (found.size !== read.value.length) return refuseFaults([{ path: 'csv', message: 'A device stands there twice' }]);
      await devices.add(context, profile.id, [...found.values()]);
      return { devices: found.size };
    },
  );

  removePartRoute(app, {
    path: '/cmp-profiles/:id/vendor-devices/:deviceId',
    tags,
    operationId: 'removeVendorDevice',
    summary: "Take a vendor's device off the list; what it was given stays valid",
    access: 'profile:write',
    params: vendorDeviceParams,
    async remove(caller, { id, deviceId }) {
      const { profile, context } = await enter(caller, id);
      if (!(await devices.remove(context, profile.id, deviceId))) throw notFound();
    },
  });
}

type Fields = ReturnType<typeof newVendorDeviceSchema.parse>;

function toDevice(fields: Fields, now: Date): NewVendorDevice {
  const { issuer, serial, subject, label, uses, expiresAt } = fields;
  return {
    id: uuidv7(now.getTime()),
    matchKey: matchKeyOf(deviceName(fields)),
    issuer: issuer === undefined ? null : textOf(issuer),
    serial: serial ?? null,
    subject: subject === undefined ? null : textOf(subject),
    label: label ?? null,
    maxUses: uses,
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt),
  };
}

function deviceName({ issuer, serial, subject }: Fields): DeviceName {
  if (issuer !== undefined && serial !== undefined) return { issuer: nameOf(issuer), serial };
  return { subject: nameOf(subject ?? '') };
}

/** The schema has let only names through. */
function nameOf(text: string) {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(name.error);
  return name.value;
}

const textOf = (text: string): string => nameToText(nameOf(text));
