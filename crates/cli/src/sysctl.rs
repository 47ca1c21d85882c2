//! `sockeye sysctl`: the settings of a host of the running host process, as sysctl shows and changes the kernel's.

use crate::args::Sysctl;
use crate::failure::Failure;
use crate::waiting::ask;
use crate::way::reach;
use sockeye_host::{HostedOptions, Net};
use sockeye_stack::{sysctl_name, sysctl_names};
use std::io::{self, Write};

/// Shows and changes settings, in the order in which they are named.
pub(crate) fn sysctl(sysctl: &Sysctl) -> Result<(), Failure> {
    if let Some(setting) = sysctl.settings.iter().find(|setting| setting.trim_start().starts_with('=')) {
        return Err(Failure::usage(format!("{setting}: write NAME=VALUE as one word")));
    }
    let options = sysctl.way.checked()?;
    let net = reach(&options)?;
    if sysctl.all {
        for name in sysctl_names() {
            show(&net, sysctl, name)?;
        }
    }
    for setting in &sysctl.settings {
        match setting.split_once('=') {
            None => show(&net, sysctl, setting)?,
            Some((name, text)) => {
                set(&net, name.trim(), text.trim())?;
                if !sysctl.quiet {
                    show(&net, sysctl, name.trim())?;
                }
            }
        }
    }
    Ok(())
}

/// `run --set`: changes settings of the host, which is started if it does not run.
pub(crate) fn set_before(options: &HostedOptions, settings: &[String]) -> Result<(), Failure> {
    if settings.is_empty() {
        return Ok(());
    }
    let settings = assignments(settings)?;
    let net = Net::hosted(options)?;
    settings.iter().try_for_each(|(name, text)| set(&net, name, text))
}

/// Names and values of `NAME=VALUE`.
pub(crate) fn assignments(settings: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let one = |setting: &String| match setting.split_once('=') {
        Some((name, text)) => Ok((name.trim().to_owned(), text.trim().to_owned())),
        None => Err(Failure::usage(format!("--set {setting}: write NAME=VALUE"))),
    };
    settings.iter().map(one).collect()
}

fn set(net: &Net, name: &str, text: &str) -> Result<(), Failure> {
    let set = ask(|| net.set_sysctl(name, text)).map_err(|error| Failure::failed(error.to_string()))?;
    set.map_err(|why| Failure::usage(format!("{name} = {text}: {why}")))
}

fn show(net: &Net, sysctl: &Sysctl, name: &str) -> Result<(), Failure> {
    let text = ask(|| net.sysctl(name)).map_err(|error| Failure::failed(error.to_string()))?;
    let Some(text) = text else {
        return Err(Failure::usage(format!(
            "{name}: there is no such setting; `sockeye sysctl -a` names those that there are"
        )));
    };
    match sysctl.values {
        true => writeln!(io::stdout(), "{text}")?,
        false => writeln!(io::stdout(), "{} = {text}", sysctl_name(name).unwrap_or(name))?,
    }
    Ok(())
}
