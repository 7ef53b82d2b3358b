//! The certificate authority of one world, and the leaves it signs.
use crate::clock;
use crate::log::lock;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    file: PathBuf,
    /// By name and the year it is for the one that shows it.
    leaves: Mutex<HashMap<(String, i32), Arc<ServerConfig>>>,
}

impl Ca {
    /// Makes a new authority and writes its certificate to `dir/ca.pem`.
    pub(crate) fn create(dir: &Path) -> Self {
        Self::create_as(dir.join("ca.pem"), "Stand-in root")
    }

    /// An authority of that name that is written to that file.
    pub(crate) fn create_as(file: PathBuf, name: &str) -> Self {
        let mut params = params(vec![], name, clock::year(0));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key for the authority");
        let root = params.self_signed(&key).expect("the authority signs itself");
        std::fs::write(&file, root.pem()).expect("the authority's file can be written");
        let root = root.der().clone();
        Self { issuer: Issuer::new(params, key), root, file, leaves: Mutex::default() }
    }

    /// The authority's certificate in PEM.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// TLS for one host name, in a year.
    pub(crate) fn server_config(&self, host: &str, year: i32) -> Arc<ServerConfig> {
        let key = (host.to_owned(), year);
        lock(&self.leaves).entry(key).or_insert_with(|| self.leaf(host, year)).clone()
    }

    fn leaf(&self, host: &str, year: i32) -> Arc<ServerConfig> {
        let mut params = params(vec![host.to_owned()], host, year);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().expect("a key for a leaf");
        let leaf = params.signed_by(&key, &self.issuer).expect("the authority signs a leaf");
        let chain = vec![leaf.der().clone(), self.root.clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("key and certificate belong together");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

fn params(names: Vec<String>, common_name: &str, year: i32) -> CertificateParams {
    let mut params = CertificateParams::new(names).expect("a plain host name");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(year - 1, 1, 1);
    params.not_after = date_time_ymd(year + 1, 12, 28);
    params
}
