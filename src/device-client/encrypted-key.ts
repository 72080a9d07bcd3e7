export { type Opened, type Opener, openEncryptedKey } from '../protocol/cms/index.js';
