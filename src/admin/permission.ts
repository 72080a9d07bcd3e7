/** The table stands with the roles, where commands reach it too. */
export * from '../tenancy/permission.js';
