/**
 * tsyringe, which @peculiar/x509 brings, refuses to load without the Reflect metadata functions, though nothing here is
 * decorated. These answer "no metadata", which is true. Import this before @peculiar/x509.
 */
const metadata = { getMetadata: () => undefined, getOwnMetadata: () => undefined, hasOwnMetadata: () => false, defineMetadata: () => undefined };
if (!('getMetadata' in Reflect)) Object.assign(Reflect, metadata);

export {};
