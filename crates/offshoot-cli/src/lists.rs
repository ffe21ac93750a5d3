//! Lists of a policy that are in files beside it: one value a line.

use crate::config;
use crate::failure::Failure;
use offshoot::ErrorKind;
use offshoot::scrub::Policy;
use std::path::Path;

/// The policy with the lists of its files, which are found from the folder of the file that the policy is in.
pub fn read(mut policy: Policy, file: &Path) -> Result<Policy, Failure> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let files: Vec<(String, String)> =
        policy.list_files().map(|(list, file)| (list.to_owned(), file.to_owned())).collect();
    for (list, name) in files {
        let path = folder.join(&name);
        let text = config::read_text(&path)?;
        let values: Vec<String> = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
        if values.is_empty() {
            let message = format!("{}: the list `{list}` has no values", path.display());
            return Err(Failure::new(ErrorKind::Usage, message, "write one value a line"));
        }
        policy = policy.with_list(&list, values);
    }
    Ok(policy)
}
