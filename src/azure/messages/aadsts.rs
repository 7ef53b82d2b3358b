//! Entra's codes, one row each, sorted. The numbers and their meanings are those of "Microsoft
//! Entra authentication error codes" and of MSAL's sources; the words are ours.
//!
//! Two things people are often sent to change without need are not in here: the organization's
//! policy for third-party OAuth, which does not govern applications of Entra's, and the box for ID
//! tokens, which only sign-ins that ask the authorization endpoint for one depend on.

use super::Step::{
    self, ApiPermissions as Api, AppRegistration as App, Authentication as Auth,
    ClientSecret as Secret, Connect, Organization as Org,
};
use crate::report::escape;

/// What a code of Entra's means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The digits after `AADSTS`.
    pub code: u32,
    /// The step to look at.
    pub step: Step,
    /// What is wrong, one clause.
    pub cause: &'static str,
    /// What to do, one clause.
    pub fix: &'static str,
}

/// What a code of Entra's means, if it is one that a person can do something about.
pub fn explain(code: u32) -> Option<&'static Explanation> {
    TABLE.binary_search_by_key(&code, |row| row.code).ok().map(|at| &TABLE[at])
}

/// Where Microsoft explains a code.
pub fn lookup_url(code: u32) -> String {
    format!("https://login.microsoftonline.com/error?code={code}")
}

/// Cause and fix for a code that is not in the table: Entra's own words, and where to look.
pub fn explain_unknown(code: u32, first_line: &str) -> (String, String) {
    // Entra begins its line with the code, which would then be said twice.
    let line = first_line.trim();
    let words = line.strip_prefix(&format!("AADSTS{code}")).unwrap_or(line);
    let words = escape(words.trim_start_matches([':', ' ']));
    let said = if words.is_empty() { String::new() } else { format!(": {words}") };
    (format!("Entra answered AADSTS{code}{said}"), format!("look it up at {}", lookup_url(code)))
}

/// How a hint ends where a client secret has to be given, with the command of a person's.
pub const GIVE_SECRET: &str = ", then run integration add with --client-secret-stdin";

// What many rows share.
const AGAIN: &str = "sign in again";
const AGAIN_BROWSER: &str = "sign in again in the browser";
const WAIT: &str = "wait a minute, then try again";
const REPORT: &str = "try again, and report it as a fault of this helper if it stays";
const BUSY: &str = "Entra has a passing fault";
const MALFORMED: &str = "Entra could not read the request: the message names the field";
const CHECK_FIELDS: &str = "compare client ID and issuer URL with the app's Overview page, else report it as a fault of this helper";
const MFA: &str = "the tenant asks for multifactor authentication";
const DEVICE: &str = "the tenant asks for a device it knows";
const MANAGED: &str = "sign in from a managed device, or ask the tenant's administrator";
const SESSION_OVER: &str = "the session is over";
const GUEST: &str = "invite the account as a guest under Microsoft Entra ID → Users, or sign in with an account of the tenant";
const NOT_MEMBER: &str = "the account is not in this tenant";
const ADMIN_UNBLOCK: &str = "ask the tenant's administrator: Microsoft Entra ID → Monitoring → Sign-in logs show which policy it was";
const RESET: &str = "set a new password in the browser, then sign in again";
const USE_TENANT: &str =
    "put the tenant's ID into the issuer URL: Overview → Directory (tenant) ID";
const CLOUD: &str =
    "use the issuer URL of the cloud the app is registered in: Overview → Endpoints";
const CLIENT_ID: &str = "compare client ID and tenant with Overview → Application (client) ID and Directory (tenant) ID";
const REDIRECT: &str = "Authentication → Add a platform, then add the redirect URI that integration add printed, letter by letter";
const PERMISSIONS: &str = "API permissions → Add a permission → Azure DevOps → Delegated permissions: vso.code and vso.code_write";
const CONSENT: &str =
    "accept the consent page, or let an administrator choose API permissions → Grant admin consent";
const DEFAULT_SCOPE: &str =
    "leave the scopes at this helper's own, which carry Azure DevOps' ID in front";
const CERTIFICATE: &str =
    "upload the right certificate under Certificates & secrets, and see that the clock is right";
const FEDERATED: &str =
    "compare issuer, subject and audience under Certificates & secrets → Federated credentials";
const ENABLE_APP: &str =
    "Enterprise applications → the app → Properties: Enabled for users to sign-in";
const NEW_SECRET: &str = "Certificates & secrets → New client secret, copy the Value column, then run integration add with --client-secret-stdin";
const CROSS_TENANT: &str =
    "ask the administrators of both tenants: External Identities → Cross-tenant access settings";
const PROXY: &str =
    "ask the network's administrator to allow this tenant (tenant restrictions at the proxy)";
const SINGLE_PAGE: &str = "Authentication: remove the redirect URI under Single-page application, and add it under Web or under Mobile and desktop applications";
const DIRECTORY: &str =
    "try again in some minutes, or ask whoever runs the tenant's local directory";
const NEW_CODE: &str = "start the sign-in again and enter the new code";

const fn row(code: u32, step: Step, cause: &'static str, fix: &'static str) -> Explanation {
    Explanation { code, step, cause, fix }
}

/// Sorted by code.
#[rustfmt::skip]
const TABLE: &[Explanation] = &[
    row(16000, Connect, NOT_MEMBER, "choose another account in the browser, or have this one invited as a guest"),
    row(16001, Connect, "the account chosen in the browser cannot be used", "choose another account in the browser"),
    row(16003, Connect, NOT_MEMBER, GUEST),
    row(28002, Api, "the scopes asked for are not valid together", DEFAULT_SCOPE),
    row(28003, Api, "no scope was asked for", DEFAULT_SCOPE),
    row(40010, Connect, BUSY, WAIT),
    row(50000, Connect, BUSY, WAIT),
    row(50001, Api, "Entra does not know Azure DevOps in this tenant, or it is switched off there", CLOUD),
    row(50002, Connect, "the network only lets certain tenants through", PROXY),
    row(50005, Connect, "Conditional Access does not allow this kind of device", ADMIN_UNBLOCK),
    row(50011, Auth, "the redirect URI is not registered for the app", REDIRECT),
    row(50012, Secret, "the certificate or assertion was not accepted", CERTIFICATE),
    row(50013, Secret, "the assertion was not accepted", "see that the clock is right and the assertion is meant for this app"),
    row(50014, Connect, "the guest has not accepted the invitation yet", "open the invitation mail and accept"),
    row(50020, Connect, "the account is of another tenant or a personal one", GUEST),
    row(50027, Secret, "the signed assertion is not valid", CERTIFICATE),
    row(50033, Connect, BUSY, WAIT),
    row(50034, Connect, "there is no such account in this tenant", "see that the issuer URL names your tenant, then sign in with its account"),
    row(50049, App, "Entra does not know this login host", CLOUD),
    row(50053, Connect, "the account is locked, or sign-ins from this address are", "wait, or have the password reset"),
    row(50055, Connect, "the password has run out", RESET),
    row(50056, Connect, "the account has no usable password here", AGAIN_BROWSER),
    row(50057, Connect, "the account is disabled", "ask the tenant's administrator: Users → the account → Properties → Account enabled"),
    row(50058, Connect, "nobody is signed in to Entra in this browser", AGAIN_BROWSER),
    row(50059, App, "the request names no tenant", USE_TENANT),
    row(50064, Connect, "the account or password was not accepted", AGAIN),
    row(50072, Connect, "the account has to enrol for multifactor authentication", AGAIN_BROWSER),
    row(50074, Connect, MFA, AGAIN_BROWSER),
    row(50076, Connect, MFA, AGAIN_BROWSER),
    row(50078, Connect, "the multifactor authentication is too long ago", AGAIN_BROWSER),
    row(50079, Connect, "the account has to enrol for multifactor authentication", AGAIN_BROWSER),
    row(50085, Connect, "the account's own provider has to be asked again", AGAIN_BROWSER),
    row(50087, Connect, BUSY, WAIT),
    row(50088, Connect, "the tenant has sent too many codes by phone", WAIT),
    row(50089, Connect, "the sign-in took too long", AGAIN),
    row(50097, Connect, DEVICE, MANAGED),
    row(50105, App, "the app is for assigned people only, and this account is not one", "Enterprise applications → the app → Users and groups → Add user/group"),
    row(50125, Connect, "the password has to be set anew", RESET),
    row(50126, Connect, "the account or password was not accepted", AGAIN),
    row(50127, Connect, "the device lacks the company's sign-in app", MANAGED),
    row(50128, App, "the tenant cannot be told from the request", USE_TENANT),
    row(50129, Connect, DEVICE, MANAGED),
    row(50131, Connect, "Conditional Access refused the sign-in", ADMIN_UNBLOCK),
    row(50132, Connect, SESSION_OVER, AGAIN),
    row(50133, Connect, "the session is over since the password has changed", AGAIN),
    row(50134, Connect, "the code was confirmed in another region than it was made in", NEW_CODE),
    row(50135, Connect, "the account is at risk and its password has to be changed", RESET),
    row(50139, Connect, "the account's own provider has to be asked again", AGAIN_BROWSER),
    row(50140, Connect, "the browser page waits for an answer", "finish the page in the browser"),
    row(50142, Connect, "a Conditional Access policy asks for a new password", RESET),
    row(50143, Connect, "the browser is signed in with an account of another tenant", "sign out in the browser, then sign in with an account of this tenant"),
    row(50144, Connect, "the password has run out in the local directory", RESET),
    row(50147, Connect, "the sign-in's proof key has a wrong length", REPORT),
    row(50155, Connect, "the device could not prove itself", MANAGED),
    row(50158, Connect, "another provider has to confirm the sign-in", AGAIN_BROWSER),
    row(50161, Connect, "the tenant's external claims provider failed", ADMIN_UNBLOCK),
    row(50166, Connect, "the tenant's external claims provider did not answer", WAIT),
    row(50168, Connect, "the browser's single sign-on has to be renewed", AGAIN_BROWSER),
    row(50173, Connect, "the session was revoked, as a password change does", AGAIN),
    row(50177, Connect, "another provider would have to confirm the sign-in, which does not work for guests", ADMIN_UNBLOCK),
    row(50178, Connect, "a rule for sessions does not work for guests", ADMIN_UNBLOCK),
    row(50187, Connect, "the device could not prove itself", MANAGED),
    row(50192, Connect, "the sign-in needs a certificate, and none was sent", "choose the certificate in the browser; a proxy that opens TLS takes it away"),
    row(50194, App, "the app is for one tenant, and the issuer URL says common", USE_TENANT),
    row(50196, Connect, "Entra saw the same request too often and has paused it", "wait some minutes, and report it if it comes back"),
    row(50197, Connect, "there is no such account in this tenant", AGAIN_BROWSER),
    row(50199, Connect, "the browser page asks whether you trust the app", "choose Continue on the page in the browser"),
    row(51004, Connect, "the account is not in this tenant's directory", GUEST),
    row(51006, Connect, "the sign-in has to be made with the Windows account", AGAIN_BROWSER),
    row(53000, Connect, "the device does not meet the tenant's rules", MANAGED),
    row(53001, Connect, "the device is not joined to the tenant", MANAGED),
    row(53002, Connect, "the tenant allows approved client apps only", ADMIN_UNBLOCK),
    row(53003, Connect, "Conditional Access blocks this sign-in", "try the browser instead of a device code, or ask the administrator: Sign-in logs → Conditional Access names the policy"),
    row(53004, Connect, "multifactor enrolment is refused from here", "enrol from a place the tenant trusts"),
    row(53009, Connect, "the tenant asks for an app with Intune protection", ADMIN_UNBLOCK),
    row(53010, Connect, "multifactor enrolment is refused from here", "enrol from a place the tenant trusts"),
    row(53011, Connect, "the account is blocked as being at risk", ADMIN_UNBLOCK),
    row(54005, Connect, "the sign-in's code was used twice", "start the sign-in again"),
    row(65001, Api, "nobody has consented to the app's permissions", CONSENT),
    row(65002, App, "the client ID is Microsoft's own and not allowed here", "register an app of your own and use its client ID"),
    row(65004, Api, "consent was declined", CONSENT),
    row(65005, Api, "the app does not list a permission for Azure DevOps", PERMISSIONS),
    row(70000, Connect, "the session is not valid any more", AGAIN),
    row(70001, App, "the app is disabled in this tenant", ENABLE_APP),
    row(70002, Secret, "the client secret was not accepted", NEW_SECRET),
    row(70003, Auth, "the app may not sign in this way", "Authentication → Settings → Allow public client flows for a device code, else use the browser"),
    row(70004, Auth, "the redirect URI is not valid", REDIRECT),
    row(70005, Auth, "the app may not answer in this form", "let this helper use the authorization code, which needs no box to be ticked"),
    row(70007, Auth, "the app may not answer in this form", REPORT),
    row(70008, Connect, "the session was not used for too long", AGAIN),
    row(70011, Api, "a scope is not valid", DEFAULT_SCOPE),
    row(70012, Connect, "the service for personal accounts failed", "try again, or use a work account"),
    row(70016, Connect, "the code has not been confirmed yet", "confirm it in the browser"),
    row(70018, Connect, "the code entered was wrong", NEW_CODE),
    row(70019, Connect, "the code has run out", NEW_CODE),
    row(70021, Secret, "no federated credential matches the assertion", FEDERATED),
    row(70043, Connect, "the tenant wants a new sign-in every so often, and that time is over", AGAIN),
    row(70044, Connect, "the tenant wants a new sign-in every so often, and that time is over", AGAIN),
    row(80001, Connect, "the tenant's local directory cannot be reached", DIRECTORY),
    row(80002, Connect, "the tenant's local directory did not answer", WAIT),
    row(80005, Connect, "the tenant's local directory gave no usable answer", WAIT),
    row(80007, Connect, "the tenant's local directory could not check the password", DIRECTORY),
    row(80012, Connect, "the account may not sign in at this hour", "sign in within the hours allowed, or ask whoever runs the tenant's local directory"),
    row(80013, Connect, "the clocks of the tenant's own servers differ", DIRECTORY),
    row(80014, Connect, "the tenant's local directory took too long", DIRECTORY),
    row(90002, App, "there is no such tenant in this cloud", "compare the tenant with Overview → Directory (tenant) ID, letter by letter"),
    row(90004, App, MALFORMED, CHECK_FIELDS),
    row(90006, Connect, BUSY, WAIT),
    row(90008, Api, "the app asks for a token for itself", DEFAULT_SCOPE),
    row(90009, Api, "the app asks for a token for itself", DEFAULT_SCOPE),
    row(90012, Connect, "Entra took too long", WAIT),
    row(90013, App, MALFORMED, CHECK_FIELDS),
    row(90014, App, "the request lacks a field, which the message names", CHECK_FIELDS),
    row(90019, App, "the request names no tenant", USE_TENANT),
    row(90023, App, MALFORMED, CHECK_FIELDS),
    row(90024, Connect, "Entra has more to do than it can", WAIT),
    row(90033, Connect, BUSY, WAIT),
    row(90036, Connect, BUSY, WAIT),
    row(90038, App, "the tenant lives in another cloud", CLOUD),
    row(90043, App, "the tenant lives in another cloud", CLOUD),
    row(90055, Connect, "Entra is holding the tenant back for asking too much", "wait some minutes, then try again"),
    row(90056, Connect, "the request arrived as another kind than was sent", "see whether a proxy rewrites POST requests to the login host"),
    row(90072, Connect, "the account is of another tenant", GUEST),
    row(90084, Connect, "the tenant allows no guests here", "sign in with an account of the tenant"),
    row(90090, Connect, BUSY, WAIT),
    row(90091, Connect, BUSY, WAIT),
    row(90093, Api, "the account may not consent for the app", "let an administrator choose API permissions → Grant admin consent"),
    row(90094, Api, "only an administrator can consent to the app", "let an administrator choose API permissions → Grant admin consent"),
    row(90095, Api, "an administrator has to approve the app", "send the request the browser offers; an administrator approves it under Enterprise applications → Admin consent requests"),
    row(90099, Api, "the app has no consent in the other tenant", "let an administrator of that tenant consent first"),
    row(90100, App, MALFORMED, CHECK_FIELDS),
    row(90102, App, "the redirect URI is not a proper address", REDIRECT),
    row(90119, Connect, "no code was entered", NEW_CODE),
    row(90120, Connect, "the code was already confirmed or declined", NEW_CODE),
    row(90123, Connect, "the account's own provider refused the sign-in", "ask whoever runs that provider"),
    row(90124, App, "the app cannot be used with common or consumers", USE_TENANT),
    row(90130, App, "the app cannot be used with common or consumers", USE_TENANT),
    row(90133, App, "a device code needs a tenant, and the issuer URL says common or consumers", USE_TENANT),
    row(135011, Connect, "the device is disabled", "ask the tenant's administrator: Devices → All devices → the device → Enable"),
    row(500011, Api, "Azure DevOps is not known in this tenant", "compare the tenant, then let an administrator sign in to https://dev.azure.com once, or add Azure DevOps under API permissions"),
    row(500014, Org, "Azure DevOps is disabled in this tenant", "let an administrator set Enterprise applications → Azure DevOps → Properties: Enabled for users to sign-in"),
    row(500021, Connect, "the network does not let this tenant through", PROXY),
    row(500022, Connect, "the network's rule for tenants is malformed", PROXY),
    row(500112, Auth, "the redirect URI changed in the middle of the sign-in", REPORT),
    row(500113, Auth, "the app has no redirect URI at all", REDIRECT),
    row(500117, Auth, "the redirect URI is http on another host than localhost", "Authentication: register the redirect URI that integration add printed"),
    row(500121, Connect, "the multifactor authentication was declined or timed out", AGAIN_BROWSER),
    row(500131, Secret, "the assertion is meant for another app", "see that the assertion's audience is this app"),
    row(500133, Secret, "the assertion is out of its time", "see that the clock is right"),
    row(500207, App, "this kind of account cannot be used with the app", "use a work or school account, and see that the issuer URL names its tenant"),
    row(500208, App, "the domain does not belong to this kind of account", "use a work or school account, and see that the issuer URL names its tenant"),
    row(500212, Connect, "your home tenant does not let you into this one", CROSS_TENANT),
    row(500213, Connect, "this tenant does not let your home tenant in", CROSS_TENANT),
    row(501481, Connect, "the sign-in's proof key does not match", "start the sign-in again"),
    row(501491, Connect, "the sign-in's proof method is not valid", REPORT),
    row(501621, Connect, BUSY, WAIT),
    row(530021, Connect, "the tenant allows approved client apps only", ADMIN_UNBLOCK),
    row(530032, Connect, "a security policy of the tenant blocks the sign-in", ADMIN_UNBLOCK),
    row(530034, Connect, "a delegated administrator is blocked as being at risk", ADMIN_UNBLOCK),
    row(530035, Connect, "the tenant's security defaults block the sign-in", ADMIN_UNBLOCK),
    row(530036, Connect, "Conditional Access ends sessions that began with a device code", "sign in again in the browser instead"),
    row(650052, Org, "the tenant has no subscription to Azure DevOps", "let an administrator sign in to https://dev.azure.com once, so that it is added to the tenant"),
    row(650053, Api, "a scope does not exist, as happens when it lacks Azure DevOps' ID in front", DEFAULT_SCOPE),
    row(650054, Org, "Azure DevOps was removed from the tenant", "let an administrator set Enterprise applications → Azure DevOps → Properties: Enabled for users to sign-in"),
    row(650056, Api, "the app does not list a permission for Azure DevOps, or nobody consented", PERMISSIONS),
    row(650057, Api, "the app does not list Azure DevOps among its permissions", PERMISSIONS),
    row(700003, Connect, "the device is not known to the tenant any more", MANAGED),
    row(700005, App, "the sign-in began in one tenant and ended in another", USE_TENANT),
    row(700011, App, "there is no app with this client ID in the tenant", CLIENT_ID),
    row(700016, App, "there is no app with this client ID in the tenant", CLIENT_ID),
    row(700020, Connect, "the sign-in needs the person", AGAIN_BROWSER),
    row(700022, Api, "scopes of several services were asked for at once", DEFAULT_SCOPE),
    row(700023, Api, "a scope belongs to no service", DEFAULT_SCOPE),
    row(700024, Secret, "the assertion is out of its time", "see that the clock is right"),
    row(700025, Auth, "the app is a public client there, and a client secret was sent", "Authentication: register the redirect URI under Web, or run integration add with --public-client"),
    row(700027, Secret, "the certificate's signature was not accepted", CERTIFICATE),
    row(700030, Secret, "the certificate's name is not allowed for the app", CERTIFICATE),
    row(700054, Auth, "an ID token was asked for in the browser, which the app does not allow", "let this helper use the authorization code, which needs no box to be ticked"),
    row(700082, Connect, "the session was not used for too long", AGAIN),
    row(700084, Auth, "the redirect URI is registered for a single-page app, whose sessions last a day", SINGLE_PAGE),
    row(700211, Secret, "no federated credential has the assertion's issuer", FEDERATED),
    row(700212, Secret, "no federated credential has the assertion's audience", FEDERATED),
    row(700213, Secret, "no federated credential has the assertion's subject", FEDERATED),
    row(700229, Secret, "only an app's own token can stand in as a federated credential", FEDERATED),
    row(900021, Org, "the tenant is all zeros: the organization belongs to personal accounts", "Organization settings → Microsoft Entra → Connect directory, or use a personal access token"),
    row(900023, App, "the tenant is neither an ID nor a domain", USE_TENANT),
    row(900144, App, "the request lacks a field, which the message names", CHECK_FIELDS),
    row(900382, App, "a client with a secret cannot sign in across clouds", CLOUD),
    row(900432, App, "a client with a secret cannot sign in across clouds", CLOUD),
    row(900439, App, "the app lives in the cloud of the US government", CLOUD),
    row(900561, Connect, "the request arrived as another kind than was sent", "see whether a proxy rewrites POST requests to the login host"),
    row(900971, Auth, "no redirect URI was given", REDIRECT),
    row(901002, Connect, "the request holds a field of the former protocol", REPORT),
    row(1000031, App, "the app cannot be used now", "ask the tenant's administrator: Enterprise applications → the app → Properties"),
    row(1000104, Connect, "accounts of another cloud are not let in", "ask the tenant's administrator: External Identities → Cross-tenant access settings → Microsoft cloud settings"),
    row(7000112, App, "the app is disabled in this tenant", ENABLE_APP),
    row(7000114, App, "the app may not act on someone's behalf", "let this helper sign the person in itself: run login"),
    row(7000215, Secret, "the client secret is wrong; often the secret's ID was pasted instead of its Value", NEW_SECRET),
    row(7000216, Secret, "the app wants a client secret, and none was sent", NEW_SECRET),
    row(7000218, Auth, "the app wants a client secret, and none was sent", "register the redirect URI under Mobile and desktop applications, or add the client secret; for a device code set Authentication → Allow public client flows"),
    row(7000222, Secret, "the client secret has run out", NEW_SECRET),
    row(7000229, App, "the tenant does not know the app yet", "let an administrator consent for the tenant (API permissions → Grant admin consent), or compare the tenant with Overview → Directory (tenant) ID"),
    row(9001023, App, "this way to sign in does not work with common or consumers", USE_TENANT),
    row(9002313, App, MALFORMED, CHECK_FIELDS),
    row(9002325, Auth, "the redirect URI is registered for a single-page app", SINGLE_PAGE),
    row(9002326, Auth, "the redirect URI is not registered for a single-page app, and the request came as one", "see whether a proxy adds an Origin header to requests to the login host"),
    row(9002327, Auth, "the redirect URI is registered for a single-page app, whose tokens only a browser can redeem", SINGLE_PAGE),
    row(9002332, App, "the app cannot be used with common or consumers", USE_TENANT),
];

#[cfg(test)]
mod tests;
