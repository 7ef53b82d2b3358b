//! Looking up tenants and the apps in them, and saying what is wrong with a name.
use super::State;
use super::apps::{App, Tenant};
use super::errors::Refusal;

impl State {
    /// The tenant a path names; none for `common` and `organizations`.
    pub(crate) fn tenant(&self, path: &str) -> Result<Option<Tenant>, Refusal> {
        let path = path.to_ascii_lowercase();
        if ["common", "organizations", "consumers"].contains(&path.as_str()) {
            return Ok(None);
        }
        let named = |t: &&Tenant| t.id == path || t.domains.contains(&path);
        if let Some(tenant) = self.tenants.iter().find(named) {
            return Ok(Some(tenant.clone()));
        }
        let hex = |p: &str, n| p.len() == n && p.bytes().all(|b| b.is_ascii_hexdigit());
        let groups: Vec<&str> = path.split('-').collect();
        let guid = groups.len() == 5
            && groups.iter().zip([8, 4, 4, 4, 12]).all(|(group, n)| hex(group, n));
        let label =
            |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let domain = path.contains('.') && path.split('.').all(label);
        let (code, words) = if guid && path.bytes().all(|b| b == b'0' || b == b'-') {
            (900021, format!("Requested tenant identifier '{path}' is not valid."))
        } else if guid || domain {
            (
                90002,
                format!(
                    "Tenant '{path}' not found. Check to make sure you have the correct tenant \
                     ID and are signing into the correct cloud. Check with your subscription \
                     administrator, this may happen if there are no active subscriptions for the \
                     tenant."
                ),
            )
        } else {
            (
                900023,
                format!(
                    "Specified tenant identifier '{path}' is neither a valid DNS name, nor a \
                     valid external domain."
                ),
            )
        };
        Err(Refusal::new(400, "invalid_request", code, words))
    }

    /// The app of a client id in a tenant.
    pub(crate) fn app(&self, tenant: &str, client_id: &str) -> Result<App, Refusal> {
        let found = self.apps.iter().find(|a| a.is(client_id) && a.tenant == tenant);
        let Some(app) = found else {
            return Err(Refusal::new(
                400,
                "unauthorized_client",
                700016,
                format!(
                    "Application with identifier '{client_id}' was not found in the directory \
                     '{tenant}'. This can happen if the application has not been installed by \
                     the administrator of the tenant or consented to by any user in the tenant. \
                     You may have sent your authentication request to the wrong tenant."
                ),
            ));
        };
        if app.disabled {
            let words = format!("Application '{client_id}'(Ona) is disabled.");
            return Err(Refusal::new(400, "unauthorized_client", 7_000_112, words));
        }
        Ok(app.clone())
    }

    /// A tenant of its own and the app in it: what every flow of a single-tenant app needs.
    pub(crate) fn tenant_and_app(
        &self,
        path: &str,
        client_id: &str,
    ) -> Result<(Tenant, App), Refusal> {
        match self.tenant(path)? {
            Some(tenant) => {
                let app = self.app(&tenant.id, client_id)?;
                Ok((tenant, app))
            }
            None if !self.apps.iter().any(|a| a.is(client_id)) => {
                self.app(path, client_id).map(|_| unreachable!("no app lives in a placeholder"))
            }
            None => Err(Refusal::new(
                400,
                "invalid_request",
                50194,
                format!(
                    "Application '{client_id}'(Ona) is not configured as a multi-tenant \
                     application. Usage of the /{path} endpoint is not supported for such apps \
                     created after '10/15/2018'. Use a tenant-specific endpoint or configure the \
                     application to be multi-tenant."
                ),
            )),
        }
    }
}
