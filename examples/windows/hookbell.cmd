@echo off
rem Rings from a batch file or the Task Scheduler: hookbell.cmd "text"
rem curl.exe is part of Windows 10 (1803), Server 2019 and newer.
setlocal
if not defined HOOKBELL_URL set "HOOKBELL_URL=http://HOOKBELL:9000/hooks/windows"
rem One line: Authorization: Bearer TOKEN
if not defined HOOKBELL_HEADER set "HOOKBELL_HEADER=%ProgramData%\hookbell\hookbell.header"
if "%~1"=="" (
    echo hookbell.cmd "text" 1>&2
    exit /b 2
)
curl.exe -fsS --retry 5 --retry-connrefused --max-time 20 --header "@%HOOKBELL_HEADER%" --data-urlencode "msg=%COMPUTERNAME%: %~1" "%HOOKBELL_URL%"
exit /b %ERRORLEVEL%
