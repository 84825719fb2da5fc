// An OpenID provider of others (npm oidc-provider), which says yes to everybody: argv = port, redirect URI, post-logout URIs.
import http from 'node:http';
import Provider from 'oidc-provider';
const [,, port, redirect, ...after] = process.argv;
const people = { alice: { cert_no: process.env.CERT_NO, cert_type: '111', real_name: process.env.REAL_NAME } };
const usual = 'L1';
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'zz', client_secret: 'a secret of the tests', redirect_uris: [redirect], post_logout_redirect_uris: after,
    grant_types: ['authorization_code'], response_types: ['code'], token_endpoint_auth_method: process.env.AUTH || 'client_secret_basic' }],
  acrValues: ['L1', 'L2', 'L3'],
  claims: { openid: ['sub'], acr: null, auth_time: null, profile: ['cert_no', 'cert_type', 'real_name'] },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  interactions: { url: (ctx, one) => `/interaction/${one.uid}` },
  features: { devInteractions: { enabled: false } },
  cookies: { keys: ['k'] },
});
const handle = provider.callback();
http.createServer(async (req, res) => {
  if (!req.url.startsWith('/interaction/')) { handle(req, res); return; }
  try {
    const { prompt, params, session, grantId } = await provider.interactionDetails(req, res);
    if (prompt.name === 'login') {
      const wanted = (params.acr_values || '').split(' ').filter(Boolean);
      await provider.interactionFinished(req, res, { login: { accountId: 'alice', acr: wanted[0] || usual } }, { mergeWithLastSubmission: false });
    } else {
      const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
      grant.addOIDCScope('openid profile');
      await provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
    }
  } catch (e) { console.error(e); res.statusCode = 500; res.end(String(e)); }
}).listen(Number(port), '127.0.0.1', () => console.error('up'));
