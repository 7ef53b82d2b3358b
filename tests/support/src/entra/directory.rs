//! Looking up tenants and the apps in them, and saying what is wrong with a name.
use super::State;
use super::apps::{Account, App, Person, Tenant};
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

    /// The app of a client id in a tenant: one registered there, or one of many tenants.
    pub(crate) fn app(&self, tenant: &str, client_id: &str) -> Result<App, Refusal> {
        let mut known = self.apps.iter().filter(|a| a.is(client_id));
        let found = known.clone().find(|a| a.tenant == tenant);
        let Some(app) = found.or_else(|| known.find(|a| a.multitenant)) else {
            return Err(not_found(tenant, client_id));
        };
        if app.disabled {
            let words = format!("Application '{client_id}'(Ona) is disabled.");
            return Err(Refusal::new(400, "unauthorized_client", 7_000_112, words));
        }
        Ok(app.clone())
    }

    /// The place a path names and the app that is used there. The placeholders are for apps of
    /// many tenants; what an app that signs people in needs is one of both.
    pub(crate) fn place_and_app(
        &self,
        path: &str,
        client_id: &str,
    ) -> Result<(Place, App), Refusal> {
        if let Some(tenant) = self.tenant(path)? {
            let app = self.app(&tenant.id, client_id)?;
            return Ok((Place::Tenant(tenant.id), app));
        }
        let path = path.to_ascii_lowercase();
        let mut known = self.apps.iter().filter(|a| a.is(client_id)).peekable();
        if known.peek().is_none() {
            return Err(not_found(&path, client_id));
        }
        let Some(app) = known.find(|a| a.multitenant) else {
            return Err(Refusal::new(
                400,
                "invalid_request",
                50194,
                format!(
                    "Application '{client_id}'(Ona) is not configured as a multi-tenant \
                     application. Usage of the /{path} endpoint is not supported for such apps \
                     created after '10/15/2018'. Use a tenant-specific endpoint or configure the \
                     application to be multi-tenant."
                ),
            ));
        };
        if path == "consumers" {
            let words = format!(
                "Application '{client_id}'(Ona) is configured for use by Azure Active Directory \
                 users only. Please do not use the /consumers endpoint to serve this request."
            );
            return Err(Refusal::new(400, "invalid_request", 9_002_332, words));
        }
        let app = self.app(&app.tenant, client_id)?;
        Ok((Place::Any(path), app))
    }

    /// Whom an account name stands for at a place: an account signs in to its home, or as a guest
    /// through the endpoint of the tenant that invited it.
    pub(crate) fn admit(
        &self,
        place: &Place,
        client_id: &str,
        upn: &str,
    ) -> Result<Person, Refusal> {
        let Some(account) = self.accounts.iter().find(|a| a.is(upn)).cloned() else {
            let words =
                format!("The user account {upn} does not exist in the {} directory.", place.path());
            return Err(Refusal::new(400, "invalid_request", 50034, words));
        };
        let tenant = match place {
            Place::Any(_) => account.tenant.clone(),
            Place::Tenant(tenant) if self.lives(&account, tenant) => tenant.clone(),
            Place::Tenant(tenant) => {
                let words = format!(
                    "User account '{upn}' from identity provider 'https://sts.windows.net/{}/' \
                     does not exist in tenant '{tenant}' and cannot access the application \
                     '{client_id}'(Ona) in that tenant. The account needs to be added as an \
                     external user in the tenant first. Sign out and sign in again with a \
                     different Azure Active Directory user account.",
                    account.tenant
                );
                return Err(Refusal::new(400, "invalid_request", 50020, words));
            }
        };
        Ok(Person { account, tenant })
    }

    /// The accounts that may sign in at a place, the hinted one first.
    pub(crate) fn accounts_at(&self, place: &Place, hint: &str) -> Vec<&Account> {
        let mut accounts: Vec<&Account> = self
            .accounts
            .iter()
            .filter(|account| match place {
                Place::Any(_) => true,
                Place::Tenant(tenant) => self.lives(account, tenant),
            })
            .collect();
        accounts.sort_by_key(|account| !account.is(hint));
        accounts
    }

    /// Whether an account is a member or a guest of a tenant.
    fn lives(&self, account: &Account, tenant: &str) -> bool {
        let guest = (tenant.to_owned(), account.upn.to_ascii_lowercase());
        account.tenant == tenant || self.guests.contains(&guest)
    }
}

/// Where a request is made: at the endpoint of one tenant, or at a placeholder, where the account
/// decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A tenant, by its id.
    Tenant(String),
    /// `organizations` or `common`.
    Any(String),
}

impl Place {
    /// The first segment of its addresses.
    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Tenant(path) | Self::Any(path) => path,
        }
    }

    /// Whether what was asked for at `asked`, and came to be for a tenant, is handed out here.
    pub(crate) fn hands_out(&self, asked: &Self, tenant: &str) -> bool {
        match self {
            Self::Tenant(here) => here == tenant,
            Self::Any(_) => matches!(asked, Self::Any(_)),
        }
    }
}

fn not_found(tenant: &str, client_id: &str) -> Refusal {
    Refusal::new(
        400,
        "unauthorized_client",
        700_016,
        format!(
            "Application with identifier '{client_id}' was not found in the directory '{tenant}'. \
             This can happen if the application has not been installed by the administrator of \
             the tenant or consented to by any user in the tenant. You may have sent your \
             authentication request to the wrong tenant."
        ),
    )
}
