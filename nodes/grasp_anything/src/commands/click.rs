//! `grasp_anything click`: points at an object in the running launch.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::{
    cli::ClickArgs,
    control::{Click, Request, Target, send},
    output::print_line,
};

/// Sends the click and prints what came of it.
pub(crate) fn run(args: ClickArgs) -> Result<ExitCode> {
    let target = match (args.u, args.v, args.point.as_deref()) {
        (Some(u), Some(v), None) => Target::Pixel {
            click: [u, v],
            negative: args.negative,
        },
        (None, None, Some(&[x, y, z])) => Target::Point {
            point: [x, y, z],
            frame: args.frame,
        },
        _ => bail!("give a pixel (U V) or a point in space (--point X Y Z)"),
    };
    ask(&Request::Click(Click {
        target,
        grasp: args.grasp,
    }))
}

/// Sends a request and prints the answer; a refusal is an error.
pub(super) fn ask(request: &Request) -> Result<ExitCode> {
    let answer = send(request)?;
    if answer.ok {
        print_line(answer.message)?;
        Ok(ExitCode::SUCCESS)
    } else {
        bail!("{}", answer.message)
    }
}
