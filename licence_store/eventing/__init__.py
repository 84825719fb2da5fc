"""事件推送: changes of licences to subscribers, as CloudEvents, by webhook and for asking."""
