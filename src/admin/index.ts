/** The admin JSON API: one folder per resource (schema.ts says what goes in and out, routes.ts what happens), and the rules all of them share. */
export { answerFrameworkErrors } from './error-handler.js';
export { memoryIdempotencyStore } from './idempotency-memory.js';
export { type Permission, permissions } from './permission.js';
export * from './ports.js';
export { registerAdmin } from './register.js';
