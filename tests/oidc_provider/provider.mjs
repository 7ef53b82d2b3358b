// An OpenID provider on loopback, with the two clients that a sign-in needs. Run as
//     node provider.mjs DIRECTORY
// where DIRECTORY is the one that install.sh fills. The first line on standard output says in JSON
// where it is and who the clients are; every further one, what a request to its token endpoint
// proved itself with and what came of it. It ends with its standard input.
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// Standard output is for whoever reads it line by line.
console.info = console.warn = console.error;
globalThis.crypto ??= webcrypto;
const library = join(process.argv[2], 'node_modules', 'oidc-provider', 'lib', 'index.js');
const { default: Provider } = await import(pathToFileURL(library).href);

const CODE = '499b84ac-1321-427f-aa17-267ca6975798';
const ACCOUNT = 'ada@contoso.example';
const GRANTS = [
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
];
const WEB = {
  client_id: 'confidential-client',
  client_secret: 'a+secret/that=has to&be%encoded~',
};
const NATIVE = { client_id: 'public-client' };

const server = createServer().listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', provider(issuer).callback());
  say({ issuer, web: WEB, native: NATIVE });
});
process.stdin.resume().on('end', () => process.exit(0));

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function provider(issuer) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const provider = new Provider(issuer, {
    clients: [
      {
        ...WEB,
        application_type: 'web',
        redirect_uris: ['http://localhost/ona-azure'],
        token_endpoint_auth_method: 'client_secret_post',
        grant_types: GRANTS,
      },
      {
        ...NATIVE,
        application_type: 'native',
        redirect_uris: ['http://localhost/ona-azure-native'],
        token_endpoint_auth_method: 'none',
        grant_types: GRANTS,
      },
    ],
    scopes: ['openid', 'profile', 'offline_access', `${CODE}/vso.code`, `${CODE}/vso.code_write`],
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'] },
    // Who is asked for a profile gets it, with the ID token as everywhere else.
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: 'Ada', preferred_username: id }),
    }),
    pkce: { required: () => true },
    rotateRefreshToken: true,
    features: {
      devInteractions: { enabled: false },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (context, form, _, error) => {
          const why = error ? '<p>That code is not known.</p>' : '';
          show(context, `${why}${form}<button form="op.deviceInputForm">Next</button>`);
        },
        userCodeConfirmSource: (context, form, client, device, code) => show(
          context,
          `<p>${code}</p>${form}<button form="op.deviceConfirmForm">Continue</button>`,
        ),
        successSource: (context) => show(context, '<p>The device is connected.</p>'),
      },
    },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    renderError: (context, out) => {
      context.status = 400;
      show(context, `<p>${out.error}</p>`);
    },
    ttl: {
      AccessToken: 3600,
      AuthorizationCode: 60,
      DeviceCode: 600,
      Grant: 86400,
      IdToken: 3600,
      Interaction: 600,
      RefreshToken: 86400,
      Session: 86400,
    },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
    cookies: { keys: [randomBytes(24).toString('hex')] },
  });
  // The port of a redirect URI on loopback is any (RFC 8252 section 7.3). The library has that for
  // native clients; Entra has it for every client.
  const allowed = provider.Client.prototype.redirectUriAllowed;
  provider.Client.prototype.redirectUriAllowed = function redirectUriAllowed(address) {
    const uri = URL.canParse(address) ? new URL(address) : undefined;
    if (uri?.hostname === 'localhost') uri.port = '';
    return allowed.call(this, uri?.href ?? address);
  };
  provider.on('grant.success', (context) => say(seen(context)));
  provider.on('grant.error', (context, error) => say({ ...seen(context), error: error.message }));
  provider.use((context, next) => interaction(provider, context, next));
  return provider;
}

// What a token request came with.
function seen(context) {
  const { body = {}, client } = context.oidc;
  return {
    grant: body.grant_type,
    client: client?.clientId,
    secret_in_header: context.get('authorization') !== '',
    secret_in_body: 'client_secret' in body,
    verifier: 'code_verifier' in body,
  };
}

function show(context, content) {
  context.type = 'html';
  context.body = `<!doctype html><meta charset="utf-8"><title>Provider</title>${content}`;
}

// The account page and the consent page, in one: the person says yes or no.
async function interaction(provider, context, next) {
  if (!context.path.startsWith('/interaction/')) return next();
  const { req, res } = context;
  const { prompt, params, session, grantId } = await provider.interactionDetails(req, res);
  if (context.method === 'GET') {
    return show(
      context,
      `<p>${prompt.name}</p><form method="post" action="${context.path}">
      <button name="answer" value="yes">${ACCOUNT}</button>
      <button name="answer" value="no">No</button></form>`,
    );
  }
  let body = '';
  for await (const piece of req) body += piece;
  let result = { error: 'access_denied', error_description: 'The person said no.' };
  if (new URLSearchParams(body).get('answer') === 'yes') {
    result = prompt.name === 'login'
      ? { login: { accountId: ACCOUNT } }
      : { consent: { grantId: await consent(provider, params, session, grantId) } };
  }
  context.respond = false;
  return provider.interactionFinished(req, res, result);
}

async function consent(provider, params, session, grantId) {
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return grant.save();
}
