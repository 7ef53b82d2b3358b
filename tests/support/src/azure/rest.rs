//! The REST calls a connection test needs, and the front door that tells the tenant.
use super::AzureDevOps;
use super::auth::{Caller, Refused, identify};
use crate::http::{self, Answer, Ask};
use crate::log::lock;
use crate::random;
use hyper::Method;
use serde_json::{Value, json};

/// The page that asks people to sign in.
pub(super) const SIGN_IN: &str = "<!DOCTYPE html><html lang=\"en-US\"><head>\
     <title>Azure DevOps Services | Sign In</title></head>\
     <body><form>Sign in to your account</form></body></html>";

/// An error as Azure DevOps puts it into JSON.
pub(crate) fn error(status: u16, key: &str, words: &str) -> Answer {
    http::json(
        status,
        &json!({
            "$id": "1",
            "innerException": null,
            "message": words,
            "typeName": format!("Microsoft.TeamFoundation.Framework.Server.{key}, Microsoft.TeamFoundation.Framework.Server"),
            "typeKey": key,
            "errorCode": 0,
            "eventId": 3000,
        }),
    )
}

/// An organization that does not exist.
pub(crate) fn missing(ask: &Ask) -> Answer {
    let page = format!(
        "<!DOCTYPE html><html><head><title>Azure DevOps Services</title></head><body>\
         <h1>404 - The resource cannot be found</h1><p>{}</p></body></html>",
        http::escape(&ask.path)
    );
    let mut answer = http::html(404, &page);
    identify(&mut answer);
    answer
}

impl AzureDevOps {
    /// `/{org}` and every other page for people.
    pub(crate) fn front_door(&self, ask: &Ask, org: &str) -> Answer {
        match self.caller(ask, org) {
            Ok(Caller::Anonymous) => self.sign_in_page(ask, org, &Refused::Nobody, true),
            Ok(_) => {
                let mut answer = http::html(200, "<html><title>Azure DevOps</title></html>");
                let tenant = self.tenant_of(org).unwrap_or_default();
                http::header(&mut answer, "X-VSS-ResourceTenant", &tenant);
                identify(&mut answer);
                answer
            }
            Err(refused) => self.sign_in_page(ask, org, &refused, true),
        }
    }

    pub(crate) fn rest(&self, ask: &Ask, org: &str, call: &[&str]) -> Answer {
        let caller = match self.caller(ask, org) {
            Ok(Caller::Anonymous) => return self.sign_in_page(ask, org, &Refused::Nobody, false),
            Ok(caller) => caller,
            Err(refused @ (Refused::NotAllowed(_) | Refused::Rule(_))) => {
                return self.challenge(ask, org, &refused);
            }
            Err(refused) => return self.sign_in_page(ask, org, &refused, false),
        };
        let call: Vec<String> = call.iter().map(|part| part.to_lowercase()).collect();
        let call: Vec<&str> = call.iter().map(String::as_str).collect();
        let mut answer = match call.as_slice() {
            ["connectiondata"] => http::json(200, &connection_data(&caller.name())),
            ["git", "repositories"] if caller.may_read() => {
                let project = project_of(ask);
                http::json(200, &self.repositories(org, project.as_deref()))
            }
            ["git", "repositories", repo] if caller.may_read() => {
                let all = self.repositories(org, project_of(ask).as_deref());
                let named = |r: &&Value| {
                    r["name"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(repo))
                        || r["id"] == **repo
                };
                match all["value"].as_array().and_then(|list| list.iter().find(named)) {
                    Some(found) => http::json(200, found),
                    None => error(
                        404,
                        "GitRepositoryNotFoundException",
                        &format!(
                            "TF401019: The Git repository with name or identifier {repo} does \
                             not exist or you do not have permissions for the operation you are \
                             attempting."
                        ),
                    ),
                }
            }
            ["git", ..] if !caller.may_read() => {
                return self.challenge(ask, org, &Refused::NotAllowed(caller.id()));
            }
            // Beyond the scopes of source code.
            ["projects", ..] => {
                return self.challenge(ask, org, &Refused::NotAllowed(caller.id()));
            }
            _ => error(404, "VssResourceNotFoundException", "The resource was not found."),
        };
        identify(&mut answer);
        answer
    }

    /// How strangers are asked to sign in: by status, by redirect or by a page nobody asked for.
    fn sign_in_page(&self, ask: &Ask, org: &str, refused: &Refused, door: bool) -> Answer {
        let suppressed = ask.header("x-tfs-fedauthredirect").eq_ignore_ascii_case("suppress");
        if suppressed || ask.method == Method::PATCH {
            return self.challenge(ask, org, refused);
        }
        let mut answer = if door || ask.header("accept").contains("text/html") {
            let tenant = self.tenant_of(org).unwrap_or_default();
            http::redirect(&format!(
                "https://login.microsoftonline.com/{tenant}/oauth2/authorize\
                 ?client_id=499b84ac-1321-427f-aa17-267ca6975798&site_id=501454\
                 &response_mode=form_post&response_type=code+id_token\
                 &redirect_uri=https%3A%2F%2Fapp.vssps.visualstudio.com%2F_signedin&nonce={}",
                random::guid()
            ))
        } else {
            http::html(203, SIGN_IN)
        };
        if let Some(words) = refused.service_error() {
            http::header(&mut answer, "X-TFS-ServiceError", &words);
        }
        self.sign_in_headers(&mut answer, org);
        answer
    }

    fn repositories(&self, org: &str, project: Option<&str>) -> Value {
        let state = lock(&self.state);
        let repos = state.organizations[org].repos.values();
        let list: Vec<Value> = repos
            .filter(|r| project.is_none_or(|p| r.project.eq_ignore_ascii_case(p)))
            .map(|r| {
                let base = format!("https://dev.azure.com/{org}");
                json!({
                    "id": random::guid_of(&format!("{org}/{}/{}", r.project, r.name)),
                    "name": r.name,
                    "url": format!("{base}/_apis/git/repositories/{}", r.name),
                    "project": {
                        "id": random::guid_of(&format!("{org}/{}", r.project)),
                        "name": r.project,
                        "state": "wellFormed",
                    },
                    "defaultBranch": "refs/heads/main",
                    "remoteUrl": format!("https://{org}@dev.azure.com/{org}/{}/_git/{}",
                        r.project.replace(' ', "%20"), r.name.replace(' ', "%20")),
                    "isDisabled": false,
                })
            })
            .collect();
        json!({"value": list, "count": list.len()})
    }
}

/// Who is signed in.
pub(crate) fn connection_data(account: &str) -> Value {
    let user = json!({
        "id": random::guid_of(account),
        "descriptor": format!("Microsoft.IdentityModel.Claims.ClaimsIdentity;x\\{account}"),
        "providerDisplayName": account,
        "isActive": true,
        "properties": {"Account": {"$type": "System.String", "$value": account}},
    });
    json!({
        "authenticatedUser": user,
        "authorizedUser": user,
        "instanceId": random::guid_of("the stand-in's instance"),
        "deploymentType": "hosted",
    })
}

/// The project of `/{org}/{project}/_apis/…`.
fn project_of(ask: &Ask) -> Option<String> {
    let parts = ask.segments();
    let apis = parts.iter().position(|part| part == "_apis")?;
    let first = usize::from(!ask.host.ends_with(".visualstudio.com"));
    (apis > first).then(|| parts[apis - 1].clone())
}
