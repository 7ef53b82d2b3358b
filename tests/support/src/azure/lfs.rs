//! git-lfs: the batch call and the basic transfer.
use crate::http::{self, Answer, Ask};
use hyper::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::io;
use std::path::Path;

const KIND: &str = "application/vnd.git-lfs+json";

/// Answers one LFS request of somebody who may make it; `tail` follows `info/lfs/`.
pub(crate) fn serve(ask: &Ask, store: &Path, tail: &str) -> io::Result<Answer> {
    let parts: Vec<&str> = tail.split('/').collect();
    Ok(match (&ask.method, parts.as_slice()) {
        (&Method::POST, ["objects", "batch"]) => batch(ask, store),
        (&Method::POST, ["locks", "verify"]) => {
            answer(200, &json!({"ours": [], "theirs": [], "next_cursor": ""}))
        }
        (&Method::GET, ["locks"]) => answer(200, &json!({"locks": []})),
        (&Method::GET, ["objects", oid]) if is_oid(oid) => match std::fs::read(store.join(oid)) {
            Ok(content) => http::answer(200, "application/octet-stream", content),
            Err(_) => answer(404, &json!({"message": "Object does not exist"})),
        },
        (&Method::PUT, ["objects", oid]) if is_oid(oid) => {
            let digest = Sha256::digest(&ask.body);
            let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
            if hex != *oid {
                return Ok(answer(400, &json!({"message": "The content has another id"})));
            }
            std::fs::create_dir_all(store)?;
            std::fs::write(store.join(oid), &ask.body)?;
            answer(200, &json!({}))
        }
        _ => answer(404, &json!({"message": "Not found"})),
    })
}

fn batch(ask: &Ask, store: &Path) -> Answer {
    let Ok(asked) = serde_json::from_slice::<Value>(&ask.body) else {
        return answer(422, &json!({"message": "The batch is not JSON"}));
    };
    let upload = asked["operation"] == "upload";
    let base = ask.path.trim_end_matches("/batch");
    let objects: Vec<Value> = asked["objects"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|object| {
            let oid = object["oid"].as_str().unwrap_or_default();
            let here = is_oid(oid) && store.join(oid).exists();
            let action = json!({"href": format!("{}://{}{base}/{oid}", ask.scheme, ask.host)});
            let mut told = json!({"oid": oid, "size": object["size"]});
            match (upload, here) {
                (true, false) => told["actions"] = json!({"upload": action}),
                (false, true) => told["actions"] = json!({"download": action}),
                (false, false) => {
                    told["error"] = json!({"code": 404, "message": "Object does not exist"});
                }
                (true, true) => {}
            }
            told
        })
        .collect();
    answer(200, &json!({"transfer": "basic", "objects": objects}))
}

fn is_oid(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn answer(status: u16, value: &Value) -> Answer {
    http::answer(status, KIND, value.to_string())
}
