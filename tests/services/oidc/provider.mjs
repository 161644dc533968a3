// A real OpenID provider (oidc-provider, certified) for the tests: whoever `login_hint` names logs in without a form;
// without one, a form asks for the account.
// The configuration is one JSON object on stdin: port, jwks, audience, accounts {id: claims}, clients, scopes, acr, alg,
// ttl, mute (access tokens say no more than their subject), liar (userinfo speaks of another).
// `launches` {launch: patient} are the patients in view of an EHR that launches; `charts` {patient: Patient} its FHIR
// server at /fhir, which answers whoever bears a token (SMART EHR launch).
// One line on stdout when it listens. GET /fetched says how often discovery, keys, tokens and
// userinfo were asked for. `dumb`: userinfo gives no answer.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { Provider } from "oidc-provider";

const config = JSON.parse(readFileSync(0, "utf8"));
const issuer = `http://127.0.0.1:${config.port}`;
const fetched = { keys: 0, discovery: 0, token: 0, userinfo: 0 };
const inView = new Map(); // by grant: the launch that its authorization was asked with
const said = (id) => config.accounts[id] ?? {};

const provider = new Provider(issuer, {
  jwks: config.jwks,
  clients: config.clients,
  cookies: { keys: ["tests"] },
  enabledJWA: { idTokenSigningAlgValues: [config.alg], userinfoSigningAlgValues: [config.alg] },
  acrValues: config.acr,
  conformIdTokenClaims: false,
  claims: { openid: ["sub", ...new Set(Object.values(config.accounts).flatMap(Object.keys))] },
  findAccount: (_, id) => (id in config.accounts ? { accountId: id, claims: () => ({ sub: id, ...said(id) }) } : undefined),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => true },
  extraParams: ["launch", "aud"],
  ttl: { AccessToken: config.ttl, ClientCredentials: config.ttl },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    userinfo: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => config.audience,
      getResourceServerInfo: () => ({
        scope: config.scopes.join(" "),
        audience: config.audience,
        accessTokenFormat: "jwt",
        accessTokenTTL: config.ttl,
        jwt: { sign: { alg: config.alg } },
      }),
    },
  },
  extraTokenClaims(ctx, token) {
    if (token.kind === "ClientCredentials") return { client_id: token.clientId };
    const code = ctx.oidc.entities.AuthorizationCode;
    return { ...(config.mute ? {} : said(token.accountId)), auth_time: code?.authTime, acr: code?.acr };
  },
});

const typed = async (request) => {
  if (request.method !== "POST") return undefined;
  let body = "";
  for await (const part of request) body += part;
  return new URLSearchParams(body).get("account");
};

const login = async (request, response) => {
  const { params, prompt } = await provider.interactionDetails(request, response);
  const account = params.login_hint ?? (await typed(request));
  if (!account) {
    response.setHeader("content-type", "text/html");
    return response.end('<form method="post"><label>Compte <input name="account"></label><button>Entrer</button></form>');
  }
  const grant = new provider.Grant({ accountId: account, clientId: params.client_id });
  grant.addOIDCScope("openid");
  grant.addResourceScope(config.audience, config.scopes.join(" "));
  const ago = Number(params.state) || 0; // tests ask, in `state`, for a login of so many seconds ago
  const ts = Math.floor(Date.now() / 1000) - ago;
  const grantId = await grant.save();
  if (params.launch) inView.set(grantId, { launch: params.launch, aud: params.aud });
  const result = { login: { accountId: account, acr: config.acr[0], ts }, consent: { grantId } };
  if (!(account in config.accounts)) throw new Error(`nobody: ${prompt.name}`);
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
};

provider.use(async (ctx, next) => {
  await next();
  if (ctx.oidc?.route !== "token" || !ctx.body?.access_token) return;
  const launched = inView.get(ctx.oidc.entities.AuthorizationCode?.grantId);
  if (launched?.aud === `${issuer}/fhir` && launched.launch in config.launches) ctx.body.patient = config.launches[launched.launch];
});
const answer = provider.callback();
createServer((request, response) => {
  if (request.url === "/fetched") return response.end(JSON.stringify(fetched));
  if (request.url.startsWith("/fhir/Patient/")) {
    const chart = config.charts[decodeURIComponent(request.url.slice("/fhir/Patient/".length))];
    const allowed = /^Bearer .+\..+\..+$/.test(request.headers.authorization ?? "");
    response.writeHead(chart && allowed ? 200 : 404, { "content-type": "application/fhir+json" });
    return response.end(JSON.stringify(chart ?? {}));
  }
  if (request.url === "/me") fetched.userinfo += 1;
  if (request.url === "/me" && config.dumb) return response.writeHead(503).end();
  if (request.url === "/me" && config.mute) {
    // This provider's userinfo refuses tokens for a resource; that of Pro Santé Connect (Keycloak) answers them.
    const payload = request.headers.authorization.split(".")[1];
    const { sub } = JSON.parse(Buffer.from(payload, "base64url"));
    response.setHeader("content-type", "application/json");
    return response.end(JSON.stringify({ sub: config.liar ?? sub, ...said(sub) }));
  }
  if (request.url === "/token") fetched.token += 1;
  if (request.url.startsWith("/jwks")) fetched.keys += 1;
  if (request.url.startsWith("/.well-known")) fetched.discovery += 1;
  if (request.url.startsWith("/interaction/")) return void login(request, response).catch((error) => response.writeHead(500).end(String(error)));
  return answer(request, response);
}).listen(config.port, "127.0.0.1", () => console.log(issuer));
