"""What is declared of alerting is checked before a server needs it."""

from pathlib import Path

import pytest

from leeway.cli import main

CHANNEL = '[channels.team]\ntype = "slack"\nwebhook_url_env = "X"\n'
RULE = '[[rule]]\nid = "slow"\nmetric = "latency_p95"\nthreshold = 5\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CHANNEL + RULE + 'channels = "taem"\n', "rule 'slow': no channel is named 'taem'; did you mean 'team'?"),
        (CHANNEL + '[[report]]\nname = "d"\nchannels = "mail"\n', "report 'd': no channel is named 'mail'"),
        ('[[report]]\nname = "d"\nevry = "day"\n', "did you mean 'every'?"),
        ("[[inhibit]]\nsource = {}\n", "inhibit: 'target' is missing"),
        (CHANNEL.replace("slack", "slak"), "no type of channel is named 'slak'; did you mean 'slack'?"),
        ('[alerts]\nchannels = "team"\n', "alerts.channels: no channel is named 'team'"),
        ('[alerts]\ngroup_by = "modle"\n', "alerts are not grouped by 'modle'; did you mean 'model'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_by_leeway_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
):
    file = tmp_path / "leeway.toml"
    file.write_text(text)

    assert main(["check", "--config", str(file)]) == 1
    assert said in capsys.readouterr().err


def test_rules_inhibitions_and_reports_stand_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rules = tmp_path / "alerts.toml"
    rules.write_text(RULE + '[[inhibit]]\nsource = { rule = "slow" }\ntarget = { severity = "warning" }\n')
    file = tmp_path / "leeway.toml"
    file.write_text(f'rules_file = "{rules}"\n' + '[[report]]\nname = "d"\nchannels = "team"\n' + CHANNEL)

    assert main(["check", "--config", str(file)]) == 0
    assert "valid" in capsys.readouterr().out
