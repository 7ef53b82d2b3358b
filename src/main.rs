//! Arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    git_credential_ona_azure::cli::run()
}
