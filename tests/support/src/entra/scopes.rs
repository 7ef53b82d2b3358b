//! What a scope parameter asks for.
use super::errors::Refusal;

/// Azure DevOps, as a resource.
pub const ADO_RESOURCE: &str = "499b84ac-1321-427f-aa17-267ca6975798";
/// Azure DevOps under its other name.
pub const ADO_RESOURCE_URI: &str = "https://app.vssps.visualstudio.com";

const NAMES: [&str; 5] =
    ["vso.code", "vso.code_write", "vso.code_manage", "vso.code_full", "user_impersonation"];
const OIDC: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// A scope parameter, taken apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scopes {
    pub(crate) oidc: Vec<String>,
    /// Resource as it was written; none if only OIDC scopes were asked for.
    pub(crate) resource: Option<String>,
    /// Short names on that resource, `.default` among them.
    pub(crate) names: Vec<String>,
}

impl Scopes {
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut out = Self::default();
        for scope in text.split_ascii_whitespace() {
            if OIDC.contains(&scope) {
                out.oidc.push(scope.to_owned());
                continue;
            }
            let Some((resource, name)) = scope.rsplit_once('/') else {
                return Err(unknown(scope, "00000003-0000-0000-c000-000000000000"));
            };
            let known = resource.eq_ignore_ascii_case(ADO_RESOURCE)
                || resource.eq_ignore_ascii_case(ADO_RESOURCE_URI);
            if !known {
                return Err(Refusal::new(
                    400,
                    "invalid_resource",
                    500011,
                    format!(
                        "The resource principal named {resource} was not found in the tenant \
                         named Contoso. This can happen if the application has not been \
                         installed by the administrator of the tenant or consented to by any \
                         user in the tenant. You might have sent your authentication request to \
                         the wrong tenant."
                    ),
                ));
            }
            if name != ".default" && !NAMES.contains(&name) {
                return Err(unknown(name, ADO_RESOURCE));
            }
            if out.resource.as_deref().is_some_and(|r| !r.eq_ignore_ascii_case(resource)) {
                return Err(Refusal::new(
                    400,
                    "invalid_scope",
                    28003,
                    "Provided value for the input parameter scope cannot name more than one \
                     resource.",
                ));
            }
            out.resource = Some(resource.to_owned());
            if !out.names.iter().any(|n| n == name) {
                out.names.push(name.to_owned());
            }
        }
        if out.names.len() > 1 && out.names.iter().any(|n| n == ".default") {
            return Err(Refusal::new(
                400,
                "invalid_scope",
                70011,
                format!(
                    "The provided request must include a 'scope' input parameter. The provided \
                     value for the input parameter 'scope' is not valid. The scope {text} is not \
                     valid. .default scope can't be combined with resource-specific scopes."
                ),
            ));
        }
        Ok(out)
    }

    pub(crate) fn has(&self, oidc: &str) -> bool {
        self.oidc.iter().any(|s| s == oidc)
    }

    pub(crate) fn is_default(&self) -> bool {
        self.names.iter().any(|n| n == ".default")
    }

    /// `aud` of an access token for these scopes.
    pub(crate) fn audience(&self) -> String {
        self.resource.clone().unwrap_or("00000003-0000-0000-c000-000000000000".to_owned())
    }
}

fn unknown(scope: &str, resource: &str) -> Refusal {
    Refusal::new(
        400,
        "invalid_scope",
        650053,
        format!(
            "The application 'ona-azure' asked for scope '{scope}' that doesn't exist on the \
             resource '{resource}'. Contact the app vendor."
        ),
    )
}
