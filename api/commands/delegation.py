"""``delegation``: who may use what of a holder's: ask, give, change, take back, look."""

from __future__ import annotations

from api.commands.common import Group

command = Group("delegation", help="授权：申请、授予、变更、收回、查看（至多三层）")
