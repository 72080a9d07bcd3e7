import { fromPem } from '../../../src/pkix/index.js';
import { issue } from './issue.js';
import { altNamesFrom, nameFrom } from './names.js';
import { crlFor, disabled, type Reply } from './rest.js';
import { Refused, type State, type Wrong } from './state.js';

const namespace = 'http://ws.protocol.core.ejbca.org/';
const xml = (status: number, body: string): Reply => ({
  status,
  type: 'text/xml;charset=UTF-8',
  body: Buffer.from(`<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>${body}</soap:Body></soap:Envelope>`),
});
const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
const plain = (text: string): string =>
  text
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&apos;/g, "'")
    .replace(/&amp;/g, '&');

/** The operation that an envelope calls. */
export function soapCall(body: string): string | undefined {
  return /<(?:\w+:)?Body>\s*<(?:\w+:)?(\w+)/.exec(body)?.[1];
}

function field(body: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(body)?.[1];
  return found === undefined ? undefined : plain(found);
}

function response(call: string, ...returns: readonly string[]): Reply {
  const items = returns.map((item) => `<return>${item}</return>`).join('');
  return xml(200, `<ns2:${call}Response xmlns:ns2="${namespace}">${items}</ns2:${call}Response>`);
}

function fault({ message, exception }: Refused): Reply {
  const detail = `<detail><ns2:${exception} xmlns:ns2="${namespace}"><message>${escaped(message)}</message></ns2:${exception}></detail>`;
  return xml(500, `<soap:Fault><faultcode>soap:Server</faultcode><faultstring>${escaped(message)}</faultstring>${detail}</soap:Fault>`);
}

/** A Certificate of the web service: the base64 of base64. */
const certificate = (der: Buffer): string =>
  `<certificateData>${Buffer.from(der.toString('base64')).toString('base64')}</certificateData><type>CERTIFICATE</type>`;

export function answerSoap(state: State, call: string, body: string, wrong: Wrong | undefined): Reply {
  if (!state.settings.webService) return disabled;
  try {
    return answer(state, call, body, wrong);
  } catch (error) {
    return fault(error instanceof Refused ? error : new Refused(500, String(error)));
  }
}

function answer(state: State, call: string, body: string, wrong: Wrong | undefined): Reply {
  const argument = field(body, 'arg0') ?? '';
  if (call !== 'getEjbcaVersion' && !state.settings.isAdministrator)
    throw new Refused(500, 'Administrator not authorized to resource /administrator.', 'AuthorizationDeniedException');
  switch (call) {
    case 'getEjbcaVersion':
      return response(call, 'EJBCA 8.3.2 Community (fake)');
    case 'certificateRequest':
      return request(state, body, wrong);
    case 'findCerts':
      return response(call, ...state.issued.filter(({ username }) => username === argument).map(({ der }) => certificate(der)));
    case 'getLastCAChain':
      return response(call, ...(caNamed(state, argument)?.chain ?? []).map(certificate));
    case 'getLatestCRL':
      return response(call, crlFor(state, argument)?.toString('base64') ?? '');
    case 'getAvailableCAs':
      return response(call, ...[...state.cas.keys()].map(nameAndId));
    case 'getAuthorizedEndEntityProfiles':
      return response(call, ...state.endEntityProfiles.map(nameAndId));
    case 'getAvailableCertificateProfiles':
      return response(call, ...state.certificateProfiles.map(nameAndId));
    default:
      throw new Refused(500, `Unexpected wrapper element ${call} found.`);
  }
}

const nameAndId = (name: string, index: number): string => `<id>${index + 1}</id><name>${escaped(name)}</name>`;

function caNamed(state: State, name: string) {
  const ca = state.cas.get(name);
  if (ca === undefined) throw new Refused(500, `Error CA ${name} does not exist`, 'CADoesntExistsException');
  return ca;
}

function request(state: State, body: string, wrong: Wrong | undefined): Reply {
  const value = (name: string): string => field(body, name) ?? '';
  if (value('arg2') !== '3') throw new Refused(500, `Invalid request type ${value('arg2')}`);
  const [spki] = fromPem('PUBLIC KEY', value('arg1'));
  if (spki === undefined) throw new Refused(500, 'Base64 decode fails, message not base64 encoded');
  const issued = issue(
    state,
    {
      username: value('username'),
      caName: value('caName'),
      endEntityProfile: value('endEntityProfileName'),
      certificateProfile: value('certificateProfileName'),
      subject: nameFrom(value('subjectDN'), state.settings.ordersNames),
      sans: altNamesFrom(value('subjectAltName')),
      spki,
    },
    wrong,
  );
  return response(
    'certificateRequest',
    `<data>${Buffer.from(issued.der.toString('base64')).toString('base64')}</data><responseType>CERTIFICATE</responseType>`,
  );
}
