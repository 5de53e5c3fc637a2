//! `portreeve call`.

use portreeve::raw;
use portreeve::{Error, Gateway, InvalidRequest};

use crate::args::{Call, Reach};
use crate::exit::End;
use crate::output::{Output, Text};
use crate::views::{Action, Actions, Argument, Called, Service, Services};

use super::reach;

/// Calls an action; tells which actions or services there are if none is named.
pub(super) async fn run(output: &Output, reach: &Reach, options: &Call) -> Result<(), End> {
    let gateway = reach::gateway(output, reach).await?;
    match (&options.service, &options.action) {
        (None, _) => output.result(&services(output, &gateway).await),
        (Some(service), None) => output.result(&actions(output, &gateway, service).await?),
        (Some(service), Some(action)) => {
            let arguments = options.arguments.iter();
            let arguments: Vec<(&str, &str)> = arguments.map(|given| (&*given.name, &*given.value)).collect();
            let call = gateway.call(service, action, &arguments);
            let values = output.during("calling", call).await?;
            output.result(&Called::new(service, action, &values))
        }
    }
}

async fn services(output: &Output, gateway: &Gateway) -> Services {
    let services = output.during("reading the descriptions", gateway.services()).await;
    let services = services.iter().map(|service| Service {
        service_type: Text::clean(&service.service_type),
        service_id: Text::clean(&service.service_id),
    });
    Services {
        services: services.collect(),
    }
}

async fn actions(output: &Output, gateway: &Gateway, name: &str) -> Result<Actions, Error> {
    let services = output.during("reading the descriptions", gateway.services()).await;
    let Some(service) = services.iter().find(|service| is_called(service, name)) else {
        let names: Vec<String> = services.iter().map(versioned_name).collect();
        let problem = format!("the gateway has {}", names.join(", "));
        let (what, value) = ("service", name.to_owned());
        return Err(InvalidRequest::Value { what, value, problem }.into());
    };
    if let Some(problem) = &service.problem {
        return Err(problem.clone().into());
    }
    Ok(Actions {
        service_type: Text::clean(&service.service_type),
        actions: service.actions.iter().map(action).collect(),
    })
}

/// Whether the service goes by this name: its name, with or without version, its type or its identifier.
fn is_called(service: &raw::Service, name: &str) -> bool {
    [
        &service.name,
        &versioned_name(service),
        &service.service_type,
        &service.service_id,
    ]
    .into_iter()
    .any(|known| known.eq_ignore_ascii_case(name))
}

fn versioned_name(service: &raw::Service) -> String {
    match service.version {
        Some(version) => format!("{}:{version}", service.name),
        None => service.name.clone(),
    }
}

fn action(action: &raw::Action) -> Action {
    Action {
        name: Text::clean(&action.name),
        inputs: action.takes.iter().map(argument).collect(),
        outputs: action.gives.iter().map(argument).collect(),
    }
}

fn argument(argument: &raw::Argument) -> Argument {
    Argument {
        name: Text::clean(&argument.name),
        data_type: Text::clean(&argument.data_type),
        allowed: argument.allowed_values.iter().map(Text::clean).collect(),
    }
}
