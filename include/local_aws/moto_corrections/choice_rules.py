"""
The rule that is met does what it says, and the state's own Assign and Output are the default's.

https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html: in JSONPath, too, a rule may have an
Assign, which moto reads past; and moto takes a rule that leads where Default leads for the default. No match
is States.Runtime, in the words that AWS is reported to say.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.common.assign.assign_decl import AssignDecl
from moto.stepfunctions.parser.asl.component.state.choice.choice_rule import ChoiceRule
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

from include.local_aws.moto_corrections.failures import failure

NO_MATCH = "Failed to transition out of the state. The state does not point to a next state."


def install() -> None:
    """Put it in place."""
    read = Preprocessor.visitChoice_rule_comparison_variable

    def read_rule(reader: Preprocessor, context: Any) -> ChoiceRule:
        rule = read(reader, context)
        if rule.assign is None:
            parts = [reader.visit(child) for child in context.children]
            rule.assign = next((part for part in parts if isinstance(part, AssignDecl)), None)
        return rule

    Preprocessor.visitChoice_rule_comparison_variable = read_rule
    StateChoice._eval_state = _choose
    StateChoice._eval_state_output = _leave


def _choose(state: StateChoice, env: Environment) -> None:
    for rule in state.choices_decl.rules:
        rule.comparison.eval(env)
        if env.stack.pop() is True:
            for part in filter(None, (rule.assign, rule.output)):
                part.eval(env=env)
            env.stack.append((rule.next_stmt.name, False))
            return
    if state.default_state is None:
        raise failure(env, NO_MATCH)
    env.stack.append((state.default_state.state_name, True))


def _leave(state: StateChoice, env: Environment) -> None:
    name, by_default = env.stack.pop()
    for part in filter(None, (state.assign_decl, state.output) if by_default else ()):
        part.eval(env=env)
    if state._is_language_query_jsonpath():
        if state.output_path:
            state.output_path.eval(env=env)
        else:
            env.states.reset(input_value=env.stack.pop())
    env.next_state_name = name
